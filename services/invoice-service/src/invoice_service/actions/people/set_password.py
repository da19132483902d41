"""The one way in which a password becomes another: the rules before, sessions ended and the person told after."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from contracts.events.accounts import AccountMailKind
from service_kit.database import set_organization
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.people.account_desk import AccountDesk
from invoice_service.actions.people.request_account_mail import request_account_mail
from invoice_service.domain.passwords import context_words
from invoice_service.queries.people import OwnMembership, set_person
from invoice_service.queries.user_sessions import mark_sessions_ended
from invoice_service.tables.people import User


async def hash_new_password(
    desk: AccountDesk, *, password: str, email: str, name: str, organizations: Sequence[str], pointer: str = "/password"
) -> str:
    """Raises `PasswordRefused` for one that is too short, too long, known, or easy to guess for this person."""
    words = context_words(email, name, *organizations)
    await desk.passwords.check_new(password, words=words, pointer=pointer)
    return await desk.passwords.hash(password)


async def store_password(session: AsyncSession, *, person: User, password_hash: str, now: datetime) -> None:
    """Every session of the person ends. ``person`` is locked and the one whom row security shows."""
    person.password_hash = password_hash
    person.password_changed_at = person.updated_at = now
    await session.flush()
    await mark_sessions_ended(session, user_id=person.id, now=now)


async def tell_of_new_password(
    session: AsyncSession, desk: AccountDesk, *, person: User, memberships: Sequence[OwnMembership], now: datetime
) -> None:
    """One mail, however many organisations there are; none for somebody who belongs to none."""
    if not memberships:
        return
    first = memberships[0]
    await set_organization(session, first.organization_id)
    await request_account_mail(
        session,
        organization_id=first.organization_id,
        kind=AccountMailKind.PASSWORD_CHANGED,
        to=person.email,
        language=person.language,
        good_for_seconds=0,
        sign_in_url=desk.sign_in_url,
        now=now,
        user_id=person.id,
        person_name=person.name,
        organization_name=first.organization_name,
    )
    await session.flush()
    await set_organization(session, None)


async def lift_person(session: AsyncSession, *, user_id: UUID) -> None:
    """Row security shows this person and no organisation."""
    await set_organization(session, None)
    await set_person(session, user_id)
