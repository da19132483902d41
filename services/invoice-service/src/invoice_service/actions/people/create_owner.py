"""Makes an owner by hand: the first one of an organisation, or one who is needed because nobody can get in."""

from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from contracts.events.accounts import AccountMailKind
from contracts.ids import format_id
from service_kit.errors import DomainError, ErrorKind
from service_kit.identifiers import new_id
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.people.accept_invitation import insert_person
from invoice_service.actions.people.mint_account_secret import MintedSecret, mint_account_secret
from invoice_service.actions.people.set_password import store_password
from invoice_service.actions.record_audit import record_audit
from invoice_service.domain.account_secrets import AccountSecrets
from invoice_service.domain.actors import OPERATOR
from invoice_service.domain.email_addresses import email_key
from invoice_service.domain.permissions import Role
from invoice_service.queries.account_mails import find_and_lock_user
from invoice_service.queries.people import find_user_by_email, own_memberships, set_person
from invoice_service.tables.people import AccountMail, Membership, User

LINK_GOOD_FOR = timedelta(hours=72)


class OwnerUnknown(DomainError):
    slug = "owner-unknown"
    kind = ErrorKind.NOT_FOUND
    title = "There is no such owner"


class PersonDisabled(DomainError):
    slug = "person-disabled"
    kind = ErrorKind.CONFLICT
    title = "The person is disabled"


@dataclass(frozen=True)
class NewOwner:
    """``has_password`` False: a link is needed before they can sign in. ``password_taken``: it is the given one."""

    user_id: UUID
    has_password: bool
    password_taken: bool


async def create_owner(
    session: AsyncSession,
    *,
    organization_id: UUID,
    email: str,
    name: str,
    now: datetime,
    password_hash: str | None = None,
) -> NewOwner:
    """Safe to repeat. Somebody who exists keeps name and password; somebody who is a member becomes an owner.

    The transaction's organisation must be ``organization_id``. Raises `PersonDisabled`.
    """
    await insert_person(session, email=email, name=name, language="en", now=now)
    person = await _person(session, email=email)
    password_taken = password_hash is not None and person.password_hash is None
    if password_hash is not None and password_taken:
        await store_password(session, person=person, password_hash=password_hash, now=now)
    values = {
        "organization_id": organization_id,
        "user_id": person.id,
        "role": Role.OWNER,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }
    made = insert(Membership).values(values)
    raised = {"role": Role.OWNER, "version": col(Membership.version) + 1, "updated_at": now}
    await session.exec(
        made.on_conflict_do_update(
            index_elements=["organization_id", "user_id"], set_=raised, where=col(Membership.role) != Role.OWNER
        )
    )
    await _audit(session, organization_id, "owner_created", person)
    return NewOwner(person.id, has_password=person.password_hash is not None, password_taken=password_taken)


async def link_for_owner(
    session: AsyncSession, *, organization_id: UUID, email: str, secrets: AccountSecrets, now: datetime
) -> MintedSecret:
    """A link to choose a password with, which is shown and not mailed. The organisation is the transaction's.

    Raises `OwnerUnknown` or `PersonDisabled`.
    """
    found = await find_user_by_email(session, email_key=email_key(email))
    if found is None:
        raise OwnerUnknown("nobody has this address; make the owner with 'owner create'")
    person = await _person(session, email=email)
    memberships = await own_memberships(session, user_id=person.id)
    if (organization_id, Role.OWNER) not in {(one.organization_id, one.role) for one in memberships}:
        raise OwnerUnknown("this person is no owner of the organisation; make them one with 'owner create'")
    mail = AccountMail(
        organization_id=organization_id,
        id=new_id(),
        kind=AccountMailKind.PASSWORD_RESET,
        user_id=person.id,
        created_at=now,
        good_until=now + LINK_GOOD_FOR,
        outcome="sent",
    )
    session.add(mail)
    await session.flush()
    minted = await mint_account_secret(
        session, organization_id=organization_id, mail_id=mail.id, secrets=secrets, now=now
    )
    await _audit(session, organization_id, "owner_link_made", person)
    return minted


async def _person(session: AsyncSession, *, email: str) -> User:
    found = await find_user_by_email(session, email_key=email_key(email))
    if found is None:
        raise OwnerUnknown("nobody has this address")
    await set_person(session, found.user_id)
    person = await find_and_lock_user(session, user_id=found.user_id)
    if person is None or person.disabled_at is not None:
        raise PersonDisabled("somebody disabled this person; nothing was changed")
    return person


async def _audit(session: AsyncSession, organization_id: UUID, action: str, person: User) -> None:
    await record_audit(
        session,
        organization_id=organization_id,
        actor=OPERATOR,
        action=action,
        object_type="user",
        object_id=format_id("usr", person.id),
        details={"email": person.email},
    )
