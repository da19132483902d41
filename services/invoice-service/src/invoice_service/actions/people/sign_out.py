"""Ends the session of this browser, in the database and not only in its cookie."""

from uuid import UUID

from contracts.ids import format_id
from service_kit.database import app_now

from invoice_service.actions.people.account_desk import AccountDesk
from invoice_service.actions.people.audit_person import audit_person
from invoice_service.domain.actors import Actor
from invoice_service.queries.people import set_person
from invoice_service.queries.user_sessions import mark_sessions_ended


async def sign_out(desk: AccountDesk, *, user_id: UUID, session_id: UUID, actor: Actor) -> None:
    """Safe to repeat."""
    async with desk.database.transaction(organization_id=None) as session:
        await set_person(session, user_id)
        ended = await mark_sessions_ended(session, user_id=user_id, now=await app_now(session), only=session_id)
        if ended:
            await audit_person(
                session,
                user_id=user_id,
                actor=actor,
                action="sign_out",
                object_type="session",
                object_id=format_id("ses", session_id),
            )
