"""The one way to check a password: throttled, and the same work and answer whether or not there is such a person."""

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from uuid import UUID

from contracts.ids import format_id
from service_kit.client_address import customer_network
from service_kit.database import app_now
from service_kit.errors import Unauthenticated
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.people.account_desk import AccountDesk
from invoice_service.actions.people.audit_person import audit_person
from invoice_service.actions.people.count_tries import Try, count_tries, give_back, try_of
from invoice_service.domain.account_secrets import AccountSecrets
from invoice_service.domain.actors import Actor
from invoice_service.domain.email_addresses import email_key
from invoice_service.domain.sign_in_limits import ACCOUNT, ADDRESS, KNOWN_FOR, PAIR
from invoice_service.queries.account_mails import find_and_lock_user
from invoice_service.queries.known_addresses import was_here
from invoice_service.queries.people import UserFacts, find_user_by_email, set_person
from invoice_service.tables.people import User

_NOBODY = UUID(int=0)


class SignInRefused(Unauthenticated):
    """Says nothing about why: not whether there is such a person, and not whether they are disabled."""

    slug = "sign-in-refused"
    title = "E-mail or password is wrong"


@dataclass(frozen=True)
class Proven:
    """The password was right a moment ago; `take_proof` in the next transaction makes it count."""

    user: UserFacts
    tries: Sequence[Try]
    new_hash: str | None = field(repr=False)
    """The same password under today's parameters, where the stored one is older."""


async def prove_password(desk: AccountDesk, *, email: str, password: str, origin: Actor) -> Proven:
    """Raises `SignInRefused`, or `TriedTooOften` before the password is looked at."""
    user, tries = await _begin(desk, email=email, origin=origin)
    stored = user.password_hash if user is not None and user.disabled_at is None else None
    right = await desk.passwords.verify(password=password, stored=stored)
    if user is None or stored is None or not right:
        await _note_failure(desk, user=user, origin=origin)
        raise SignInRefused("check both, or choose a new password with 'Forgot password'")
    new_hash = await desk.passwords.hash(password) if desk.passwords.is_outdated(stored) else None
    return Proven(user=user, tries=tries, new_hash=new_hash)


async def take_proof(session: AsyncSession, *, proven: Proven) -> User:
    """The person's row, locked; row security points at that person.

    Raises `SignInRefused` when the password was changed or the person disabled in the meantime.
    """
    now = await app_now(session)
    await give_back(session, tries=proven.tries, now=now)
    await set_person(session, proven.user.user_id)
    person = await find_and_lock_user(session, user_id=proven.user.user_id)
    if person is None or person.disabled_at is not None or person.password_hash != proven.user.password_hash:
        raise SignInRefused("sign in again")
    if proven.new_hash is not None:
        person.password_hash = proven.new_hash
        await session.flush()
    return person


def tries_of(secrets: AccountSecrets, *, email: str, address: str, at_home: bool = False) -> tuple[Try, ...]:
    """``at_home`` is an address of the person's own, where strangers elsewhere keep nobody out."""
    key, network = email_key(email), customer_network(address)
    return (
        try_of(secrets, PAIR, key, network),
        try_of(secrets, ADDRESS, network),
        try_of(secrets, ACCOUNT, key, binding=not at_home),
    )


async def _begin(desk: AccountDesk, *, email: str, origin: Actor) -> tuple[UserFacts | None, Sequence[Try]]:
    async with desk.database.transaction(organization_id=None) as session:
        now = await app_now(session)
        user = await find_user_by_email(session, email_key=email_key(email))
        user_id = user.user_id if user is not None else _NOBODY
        await set_person(session, user_id)
        at_home = await was_here(session, user_id=user_id, address=origin.address, since=now - KNOWN_FOR)
        tries = tries_of(desk.secrets, email=email, address=origin.address, at_home=at_home)
        await count_tries(session, tries=tries, now=now)
    return user, tries


async def _note_failure(desk: AccountDesk, *, user: UserFacts | None, origin: Actor) -> None:
    user_id = user.user_id if user is not None else _NOBODY
    async with desk.database.transaction(organization_id=None) as session:
        await set_person(session, user_id)
        actor = replace(origin, name=user.email if user is not None else "")
        await audit_person(
            session,
            user_id=user_id,
            actor=actor,
            action="sign_in_failed",
            object_type="user",
            object_id=format_id("usr", user_id),
        )
