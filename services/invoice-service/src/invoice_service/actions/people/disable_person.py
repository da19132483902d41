"""What an operator does to people, with the reason in every organisation that they belong to, in one transaction:
shutting somebody out, letting them in again, and ending sessions of one or of all. Memberships stay as they are."""

from dataclasses import dataclass
from datetime import datetime

from contracts.ids import format_id
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.people.audit_person import audit_person
from invoice_service.actions.people.end_sessions import end_all_sessions
from invoice_service.domain.actors import OPERATOR
from invoice_service.domain.email_addresses import email_key
from invoice_service.queries.account_mails import find_and_lock_user
from invoice_service.queries.people import find_user_by_email, set_person
from invoice_service.queries.people_overview import PersonUnknown, everybody
from invoice_service.tables.people import User


@dataclass(frozen=True)
class Told:
    """How many people it was about, sessions that ended, and lines that were written into audit logs."""

    people: int
    sessions_ended: int
    organizations: int

    def and_also(self, other: "Told") -> "Told":
        return Told(
            people=self.people + other.people,
            sessions_ended=self.sessions_ended + other.sessions_ended,
            organizations=self.organizations + other.organizations,
        )


async def disable_person(session: AsyncSession, *, email: str, reason: str, now: datetime) -> Told:
    """Safe to repeat. Raises `PersonUnknown`."""
    person = await _person(session, email)
    person.disabled_at = person.disabled_at or now
    person.updated_at = now
    return await _end(session, person, action="person_disabled", reason=reason, now=now)


async def enable_person(session: AsyncSession, *, email: str, reason: str, now: datetime) -> Told:
    """The password is as it was. Safe to repeat. Raises `PersonUnknown`."""
    person = await _person(session, email)
    person.disabled_at, person.updated_at = None, now
    told = await _note(session, person, action="person_enabled", reason=reason)
    return Told(people=1, sessions_ended=0, organizations=told)


async def end_sessions_of(session: AsyncSession, *, email: str, reason: str, now: datetime) -> Told:
    """Raises `PersonUnknown`."""
    return await _end(session, await _person(session, email), action="end_all_sessions", reason=reason, now=now)


async def end_sessions_of_everybody(session: AsyncSession, *, reason: str, now: datetime) -> Told:
    """Only as the owner of the schema, who sees everybody. Of people without a live session nothing is noted."""
    told = Told(people=0, sessions_ended=0, organizations=0)
    for user_id in await everybody(session):
        await set_person(session, user_id)
        person = await find_and_lock_user(session, user_id=user_id)
        if person is not None:
            ended = await end_all_sessions(session, user_id=user_id, now=now)
            if ended:
                lines = await _note(session, person, action="end_all_sessions", reason=reason, sessions=ended)
                told = told.and_also(Told(people=1, sessions_ended=ended, organizations=lines))
    return told


async def _person(session: AsyncSession, email: str) -> User:
    found = await find_user_by_email(session, email_key=email_key(email))
    if found is not None:
        await set_person(session, found.user_id)
        person = await find_and_lock_user(session, user_id=found.user_id)
        if person is not None:
            return person
    raise PersonUnknown("nobody signs in with this address")


async def _end(session: AsyncSession, person: User, *, action: str, reason: str, now: datetime) -> Told:
    await session.flush()
    ended = await end_all_sessions(session, user_id=person.id, now=now)
    lines = await _note(session, person, action=action, reason=reason, sessions=ended)
    return Told(people=1, sessions_ended=ended, organizations=lines)


async def _note(session: AsyncSession, person: User, *, action: str, reason: str, sessions: int = 0) -> int:
    return await audit_person(
        session,
        user_id=person.id,
        actor=OPERATOR,
        action=action,
        object_type="user",
        object_id=format_id("usr", person.id),
        details={"email": person.email, "reason": reason, "sessions_ended": sessions},
    )
