"""Bring one mail to where the facts of its invoice put it: waiting, on its way, or dropped.

Called after every fact that could matter, so it makes no difference in which order they came. A mail that is being
sent at this moment is left alone; its task asks again before the next try.
"""

from dataclasses import replace
from datetime import datetime

from service_kit.inbox import enqueue_task
from service_kit.log_setup import get_logger
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service import queries
from notification_service.actions.delivery_rows import announce, as_delivery, write_changes
from notification_service.actions.mail_news import Change
from notification_service.domain.delivery import Delivery, DeliveryState, MailState, drop
from notification_service.domain.link_join import Drop, Go, InvoiceEnd, Wait, settle
from notification_service.mail_content import MailContent
from notification_service.tables import Inbox, InvoiceFacts, MailRow

SEND_MAIL = "task.send_mail"


async def settle_mail(session: AsyncSession, mail: MailRow, facts: InvoiceFacts | None, *, now: datetime) -> None:
    """The caller holds the locks of the invoice, if the mail has one, and the mail. Safe to repeat."""
    decision = await decide(session, mail, facts)
    if mail.state is MailState.UNKNOWN:
        if not isinstance(decision, Go):
            await drop_mail(session, mail, reason="not sent again", now=now)
    elif mail.state in (MailState.WAITING, MailState.QUEUED):
        if isinstance(decision, Drop):
            await drop_mail(session, mail, reason=f"not sent: {decision.reason}", now=now)
        elif isinstance(decision, Wait):
            mail.state, mail.task_id, mail.updated_at = MailState.WAITING, None, now
        elif mail.state is MailState.WAITING:
            await _start(session, mail, now=now)


async def decide(session: AsyncSession, mail: MailRow, facts: InvoiceFacts | None) -> Go | Wait | Drop:
    """What `domain.link_join` says about this mail with everything known now; one about an account always goes."""
    if facts is None or mail.invoice_id is None:
        return Go(link=None)
    links = await queries.links_of(session, organization_id=mail.organization_id, invoice_id=mail.invoice_id)
    end = InvoiceEnd(void_requested_at=facts.void_requested_at, paid_at=facts.paid_at, voided=facts.voided)
    wish = MailContent.model_validate(mail.content).wish()
    return settle(wish=wish, links=links, end=end, asked_at=mail.asked_at)


async def drop_mail(session: AsyncSession, mail: MailRow, *, reason: str, now: datetime) -> None:
    """Nothing more goes out, and each recipient that was left is told of. Recipients that have it keep it."""
    rows = await queries.deliveries_of(session, organization_id=mail.organization_id, mail_id=mail.mail_id)
    changes = [Change(before, _dropped(before, reason=reason)) for before in map(as_delivery, rows) if _is_open(before)]
    write_changes(mail, rows, (change.after for change in changes), now=now)
    mail.drop_reason, mail.task_id = reason, None
    get_logger().info("mail_dropped", mail_id=str(mail.mail_id), reason=reason)
    await announce(session, mail, changes, now=now)


async def _start(session: AsyncSession, mail: MailRow, *, now: datetime) -> None:
    mail.task_id = await enqueue_task(
        session,
        Inbox,
        task_type=SEND_MAIL,
        organization_id=mail.organization_id,
        payload={"mail_id": str(mail.mail_id)},
    )
    mail.state, mail.updated_at = MailState.QUEUED, now


def _is_open(delivery: Delivery) -> bool:
    waits_for_resend = delivery.state is DeliveryState.UNKNOWN and delivery.due_at is not None
    return delivery.state is DeliveryState.QUEUED or waits_for_resend


def _dropped(delivery: Delivery, *, reason: str) -> Delivery:
    after = drop(delivery)
    return after if after.state is DeliveryState.UNKNOWN else replace(after, reason=reason)
