"""Accepts an invitation: a new person chooses name and password, one who has an account proves to be that person."""

from dataclasses import dataclass, field, replace
from datetime import datetime
from uuid import UUID

from contracts.ids import format_id
from service_kit.database import app_now, set_organization
from service_kit.identifiers import new_id
from sqlalchemy.dialects.postgresql import insert
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.people.account_desk import AccountDesk
from invoice_service.actions.people.audit_person import audit_person
from invoice_service.actions.people.open_session import end_presented, open_session
from invoice_service.actions.people.prove_password import Proven, prove_password, take_proof
from invoice_service.actions.people.set_password import hash_new_password, store_password
from invoice_service.actions.people.use_account_secret import open_account_secret, use_account_secret
from invoice_service.actions.record_audit import record_audit
from invoice_service.domain.account_mails import AccountSecretDead
from invoice_service.domain.account_secrets import Purpose
from invoice_service.domain.actors import Actor, as_person
from invoice_service.domain.email_addresses import email_key
from invoice_service.domain.people_names import check_person_name
from invoice_service.domain.permissions import Role
from invoice_service.queries.account_mails import find_and_lock_user
from invoice_service.queries.invitations import find_and_lock_invitation
from invoice_service.queries.organizations import get_organization
from invoice_service.queries.people import SecretFacts, UserFacts, find_user_by_email, set_person
from invoice_service.tables.people import Invitation, Membership, User


@dataclass(frozen=True)
class InvitationOffer:
    """``has_password`` says that the invited person signs in already, here or for another organisation."""

    organization_id: UUID
    organization_name: str
    email: str
    role: Role
    inviter_name: str
    expires_at: datetime
    has_password: bool


@dataclass(frozen=True)
class Acceptance:
    """What was typed. ``presented`` is the cookie of a session that ends with this; ``name`` is for new people."""

    text: str = field(repr=False)
    password: str = field(repr=False)
    name: str = ""
    presented: str = field(default="", repr=False)


async def look_at_invitation(desk: AccountDesk, *, text: str) -> InvitationOffer:
    """Changes nothing. Raises `AccountSecretDead`."""
    async with desk.database.transaction(organization_id=None) as session:
        now = await app_now(session)
        facts = await open_account_secret(session, purpose=Purpose.INVITE, text=text, secrets=desk.secrets, now=now)
        invitation = await _invitation_of(session, facts)
        organization = await get_organization(session, organization_id=facts.organization_id)
        user = await find_user_by_email(session, email_key=invitation.email_key)
        return InvitationOffer(
            organization_id=facts.organization_id,
            organization_name=organization.name,
            email=invitation.email,
            role=Role(invitation.role),
            inviter_name=invitation.inviter_name,
            expires_at=invitation.expires_at,
            has_password=user is not None and user.password_hash is not None,
        )


async def accept_invitation(desk: AccountDesk, *, given: Acceptance, origin: Actor) -> str:
    """The text of a new session. Of two at once one gets through; somebody who is a member already stays what they are.

    Raises `AccountSecretDead`, `NameRefused`, `PasswordRefused`, `SignInRefused` or `TriedTooOften`.
    """
    offer = await look_at_invitation(desk, text=given.text)
    if offer.has_password:
        proven = await prove_password(desk, email=offer.email, password=given.password, origin=origin)
        return await _accept(desk, given=given, origin=origin, proven=proven)
    name = check_person_name(given.name)
    stored = await hash_new_password(
        desk, password=given.password, email=offer.email, name=name, organizations=[offer.organization_name]
    )
    return await _accept(desk, given=replace(given, name=name), origin=origin, password_hash=stored)


async def _accept(
    desk: AccountDesk, *, given: Acceptance, origin: Actor, proven: Proven | None = None, password_hash: str = ""
) -> str:
    async with desk.database.transaction(organization_id=None) as session:
        now = await app_now(session)
        facts = await use_account_secret(
            session, purpose=Purpose.INVITE, text=given.text, secrets=desk.secrets, now=now
        )
        invitation = await _invitation_of(session, facts)
        if proven is not None:
            person = await take_proof(session, proven=proven)
        else:
            person = await _new_person(session, invitation, name=given.name, password_hash=password_hash, now=now)
        await _join(session, invitation=invitation, person=person, now=now)
        actor = as_person(origin, user_id=person.id, email=person.email)
        await record_audit(
            session,
            organization_id=facts.organization_id,
            actor=actor,
            action="invitation_accepted",
            object_type="invitation",
            object_id=format_id("ivt", invitation.id),
            details={"role": Role(invitation.role).value, "user": format_id("usr", person.id)},
        )
        await end_presented(session, secrets=desk.secrets, text=given.presented, now=now)
        await set_person(session, person.id)
        text = await open_session(session, desk, user_id=person.id, origin=origin, now=now)
        if proven is not None:
            await audit_person(
                session, user_id=person.id, actor=actor, action="sign_in", object_type="user", object_id=actor.id
            )
    return text


async def _invitation_of(session: AsyncSession, facts: SecretFacts) -> Invitation:
    if facts.invitation_id is None:
        raise AccountSecretDead("this link is of another kind")
    await set_organization(session, facts.organization_id)
    invitation = await find_and_lock_invitation(
        session, organization_id=facts.organization_id, invitation_id=facts.invitation_id
    )
    if invitation is None:
        raise AccountSecretDead("there is no such invitation")
    return invitation


async def _new_person(
    session: AsyncSession, invitation: Invitation, *, name: str, password_hash: str, now: datetime
) -> User:
    """Made, or the one who was made before without a password. Raises `AccountSecretDead` when that one has one now."""
    await insert_person(session, email=invitation.email, name=name, language=invitation.language, now=now)
    found = await find_user_by_email(session, email_key=invitation.email_key)
    if found is None or found.disabled_at is not None:
        raise AccountSecretDead("the account is disabled")
    person = await _locked(session, found)
    if person.password_hash is not None:
        raise AccountSecretDead("the account has a password; open the link again and use it")
    person.name = name
    await store_password(session, person=person, password_hash=password_hash, now=now)
    return person


async def insert_person(session: AsyncSession, *, email: str, name: str, language: str, now: datetime) -> None:
    """Does nothing where somebody has this address already. Row security points at the new id afterwards."""
    user_id = new_id()
    await set_person(session, user_id)
    values = {
        "id": user_id,
        "email": email,
        "email_key": email_key(email),
        "name": name,
        "language": language,
        "created_at": now,
        "updated_at": now,
    }
    await session.exec(insert(User).values(values).on_conflict_do_nothing())


async def _locked(session: AsyncSession, found: UserFacts) -> User:
    await set_person(session, found.user_id)
    person = await find_and_lock_user(session, user_id=found.user_id)
    if person is None:
        raise AccountSecretDead("nobody is behind this link")
    return person


async def _join(session: AsyncSession, *, invitation: Invitation, person: User, now: datetime) -> None:
    values = {
        "organization_id": invitation.organization_id,
        "user_id": person.id,
        "role": invitation.role,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }
    await session.exec(insert(Membership).values(values).on_conflict_do_nothing())
    invitation.accepted_at, invitation.accepted_by = now, person.id
    await session.flush()
