"""Take up one intent to mail: store what it says and to whom, and let the facts decide when it goes.

The same intent asked for again changes nothing; a later word about it replaces what has not gone out yet.
"""

from datetime import datetime
from uuid import UUID

from contracts.events.invoice import InvoiceCollectionChanged
from service_kit.database import app_now
from service_kit.log_setup import get_logger
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service import queries
from notification_service.actions.delivery_rows import as_delivery, write_changes
from notification_service.actions.new_mails import insert_mail
from notification_service.actions.settle_mail import settle_mail
from notification_service.domain.delivery import DeliveryState, MailState, take_up_again
from notification_service.mail_content import MailContent, content_of_change
from notification_service.mail_rendering.message import message_id_of
from notification_service.tables import InvoiceFacts, MailRow

_REPLACEABLE = (MailState.WAITING, MailState.QUEUED, MailState.DROPPED)


async def plan_mail(
    session: AsyncSession,
    *,
    organization_id: UUID,
    invoice_id: UUID,
    content: MailContent,
    asked_at: int,
    message_id_domain: str,
) -> None:
    """``asked_at`` is the sequence of the event that asked for it. Safe to repeat, in any order with other events."""
    now = await app_now(session)
    facts = await queries.lock_invoice(session, organization_id=organization_id, invoice_id=invoice_id)
    mail = await queries.lock_mail(session, organization_id=organization_id, mail_id=content.mail.mail_id)
    if mail is None:
        mail = _new_mail(organization_id, invoice_id, content, asked_at, message_id_domain, now)
        await insert_mail(session, mail, recipients=(*content.mail.to, *content.mail.cc), now=now)
    elif not await _replaced(session, mail, content, asked_at=asked_at, now=now):
        return
    apply_change(mail, facts)
    await settle_mail(session, mail, facts, now=now)


def apply_change(mail: MailRow, facts: InvoiceFacts) -> None:
    """Give an unsent mail the method that the invoice was changed to after the mail was asked for."""
    if facts.change is None or facts.change_sequence is None or facts.change_sequence <= mail.asked_at:
        return
    if mail.state not in _REPLACEABLE:
        return
    change = InvoiceCollectionChanged.model_validate(facts.change)
    old = MailContent.model_validate(mail.content)
    _set_content(mail, content_of_change(change, mail=old.mail, amount_due_minor=old.amount_due_minor))


async def _replaced(
    session: AsyncSession, mail: MailRow, content: MailContent, *, asked_at: int, now: datetime
) -> bool:
    if mail.asked_at >= asked_at or mail.state not in _REPLACEABLE:
        get_logger().info("mail_already_planned", mail_id=str(mail.mail_id), state=mail.state.value)
        return False
    _set_content(mail, content)
    mail.asked_at, mail.updated_at = asked_at, now
    if mail.state is MailState.DROPPED:
        rows = await queries.deliveries_of(session, organization_id=mail.organization_id, mail_id=mail.mail_id)
        open_again = (as_delivery(row) for row in rows if row.state is DeliveryState.DROPPED)
        write_changes(mail, rows, [take_up_again(delivery) for delivery in open_again], now=now)
        mail.state, mail.drop_reason = MailState.WAITING, ""
    return True


def _set_content(mail: MailRow, content: MailContent) -> None:
    mail.content = content.model_dump(mode="json")
    mail.collection_method = content.collection_method


def _new_mail(
    organization_id: UUID,
    invoice_id: UUID,
    content: MailContent,
    asked_at: int,
    message_id_domain: str,
    now: datetime,
) -> MailRow:
    return MailRow(
        organization_id=organization_id,
        mail_id=content.mail.mail_id,
        invoice_id=invoice_id,
        kind=content.mail.kind,
        state=MailState.WAITING,
        collection_method=content.collection_method,
        asked_at=asked_at,
        content=content.model_dump(mode="json"),
        message_id=message_id_of(content.mail.mail_id, domain=message_id_domain),
        dated_at=now.replace(microsecond=0),
        created_at=now,
        updated_at=now,
    )
