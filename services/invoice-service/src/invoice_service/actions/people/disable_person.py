"""Shuts a person out of every organisation at once, or lets them in again. Their memberships stay as they are."""

from datetime import datetime

from contracts.ids import format_id
from service_kit.errors import DomainError, ErrorKind
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.people.audit_person import audit_person
from invoice_service.actions.people.end_sessions import end_all_sessions
from invoice_service.domain.actors import OPERATOR
from invoice_service.domain.email_addresses import email_key
from invoice_service.queries.account_mails import find_and_lock_user
from invoice_service.queries.people import find_user_by_email, set_person
from invoice_service.tables.people import User


class PersonUnknown(DomainError):
    slug = "person-unknown"
    kind = ErrorKind.NOT_FOUND
    title = "There is no such person"


async def disable_person(session: AsyncSession, *, email: str, now: datetime) -> int:
    """How many sessions ended. Safe to repeat. Raises `PersonUnknown`."""
    person = await _person(session, email)
    person.disabled_at = person.disabled_at or now
    person.updated_at = now
    return await _end(session, person, action="person_disabled", now=now)


async def enable_person(session: AsyncSession, *, email: str, now: datetime) -> None:
    """The password is as it was. Safe to repeat. Raises `PersonUnknown`."""
    person = await _person(session, email)
    person.disabled_at, person.updated_at = None, now
    await _note(session, person, action="person_enabled")


async def end_sessions_of(session: AsyncSession, *, email: str, now: datetime) -> int:
    """How many ended. Raises `PersonUnknown`."""
    return await _end(session, await _person(session, email), action="end_all_sessions", now=now)


async def _person(session: AsyncSession, email: str) -> User:
    found = await find_user_by_email(session, email_key=email_key(email))
    if found is not None:
        await set_person(session, found.user_id)
        person = await find_and_lock_user(session, user_id=found.user_id)
        if person is not None:
            return person
    raise PersonUnknown("nobody signs in with this address")


async def _end(session: AsyncSession, person: User, *, action: str, now: datetime) -> int:
    await session.flush()
    ended = await end_all_sessions(session, user_id=person.id, now=now)
    await _note(session, person, action=action)
    return ended


async def _note(session: AsyncSession, person: User, *, action: str) -> None:
    await audit_person(
        session,
        user_id=person.id,
        actor=OPERATOR,
        action=action,
        object_type="user",
        object_id=format_id("usr", person.id),
    )
