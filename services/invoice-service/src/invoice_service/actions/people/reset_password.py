"""A forgotten password: asked for by anybody, and chosen anew by whoever holds the link that was mailed."""

from dataclasses import dataclass, replace

from contracts.events.accounts import AccountMailKind
from contracts.ids import format_id
from service_kit.client_address import customer_network
from service_kit.database import app_now, set_organization
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.people.account_desk import AccountDesk
from invoice_service.actions.people.audit_person import audit_person
from invoice_service.actions.people.count_tries import count_tries, give_back, try_of
from invoice_service.actions.people.prove_password import tries_of
from invoice_service.actions.people.request_account_mail import request_account_mail
from invoice_service.actions.people.set_password import (
    hash_new_password,
    lift_person,
    store_password,
    tell_of_new_password,
)
from invoice_service.actions.people.use_account_secret import open_account_secret, use_account_secret
from invoice_service.domain.account_mails import AccountSecretDead
from invoice_service.domain.account_secrets import Purpose
from invoice_service.domain.actors import Actor, as_person
from invoice_service.domain.email_addresses import email_key
from invoice_service.domain.sign_in_limits import RESET_ACCOUNT, RESET_ADDRESS, TriedTooOften
from invoice_service.queries.account_mails import find_and_lock_user
from invoice_service.queries.people import (
    OwnMembership,
    SecretFacts,
    UserFacts,
    find_user_by_email,
    own_memberships,
    set_person,
)
from invoice_service.tables.people import User

LINK_GOOD_SECONDS = 3600


@dataclass(frozen=True)
class ResetOffer:
    """Whose password the link would change."""

    email: str
    name: str
    organizations: tuple[str, ...]


async def request_reset(desk: AccountDesk, *, email: str, origin: Actor) -> None:
    """A mail when there is such a person, and silence in every case, also when it is asked for too often."""
    tries = (
        try_of(desk.secrets, RESET_ACCOUNT, email_key(email)),
        try_of(desk.secrets, RESET_ADDRESS, customer_network(origin.address)),
    )
    try:
        async with desk.database.transaction(organization_id=None) as session:
            await count_tries(session, tries=tries, now=await app_now(session))
            user = await find_user_by_email(session, email_key=email_key(email))
            if user is not None and user.disabled_at is None:
                await _mail_link(session, desk, user=user, origin=origin)
    except TriedTooOften:
        return


async def look_at_reset(desk: AccountDesk, *, text: str) -> ResetOffer:
    """Changes nothing, so that a scanner of mails may follow the link. Raises `AccountSecretDead`."""
    async with desk.database.transaction(organization_id=None) as session:
        now = await app_now(session)
        facts = await open_account_secret(session, purpose=Purpose.RESET, text=text, secrets=desk.secrets, now=now)
        person, memberships = await _person_of(session, facts)
        return ResetOffer(person.email, person.name, tuple(one.organization_name for one in memberships))


async def reset_password(desk: AccountDesk, *, text: str, wanted: str, origin: Actor) -> None:
    """Once for each link; all sessions end, and nobody is signed in by it.

    Raises `AccountSecretDead`, or `PasswordRefused`, after which the link is still good.
    """
    offer = await look_at_reset(desk, text=text)
    stored = await hash_new_password(
        desk, password=wanted, email=offer.email, name=offer.name, organizations=offer.organizations
    )
    async with desk.database.transaction(organization_id=None) as session:
        now = await app_now(session)
        # Tries before the person, in the order in which a sign-in locks them.
        await give_back(session, tries=tries_of(desk.secrets, email=offer.email, address=origin.address)[:1], now=now)
        facts = await use_account_secret(session, purpose=Purpose.RESET, text=text, secrets=desk.secrets, now=now)
        person, memberships = await _person_of(session, facts)
        await store_password(session, person=person, password_hash=stored, now=now)
        actor = as_person(origin, user_id=person.id, email=person.email)
        await audit_person(
            session, user_id=person.id, actor=actor, action="password_reset", object_type="user", object_id=actor.id
        )
        await tell_of_new_password(session, desk, person=person, memberships=memberships, now=now)


async def _person_of(session: AsyncSession, facts: SecretFacts) -> tuple[User, list[OwnMembership]]:
    if facts.user_id is None:
        raise AccountSecretDead("this link is of another kind")
    await lift_person(session, user_id=facts.user_id)
    person = await find_and_lock_user(session, user_id=facts.user_id)
    if person is None:
        raise AccountSecretDead("nobody is behind this link")
    return person, await own_memberships(session, user_id=facts.user_id)


async def _mail_link(session: AsyncSession, desk: AccountDesk, *, user: UserFacts, origin: Actor) -> None:
    await set_person(session, user.user_id)
    memberships = await own_memberships(session, user_id=user.user_id)
    if not memberships:
        return
    # Nobody has proven to be this person: whoever types an address may ask.
    actor = replace(origin, name=user.email)
    await audit_person(
        session,
        user_id=user.user_id,
        actor=actor,
        action="password_reset_requested",
        object_type="user",
        object_id=format_id("usr", user.user_id),
    )
    first = memberships[0]
    await set_organization(session, first.organization_id)
    await request_account_mail(
        session,
        organization_id=first.organization_id,
        kind=AccountMailKind.PASSWORD_RESET,
        to=user.email,
        language=user.language,
        good_for_seconds=LINK_GOOD_SECONDS,
        sign_in_url=desk.sign_in_url,
        now=await app_now(session),
        user_id=user.user_id,
        person_name=user.name,
        organization_name=first.organization_name,
    )
