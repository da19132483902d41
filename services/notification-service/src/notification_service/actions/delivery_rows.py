"""Between a recipient's row and the plain value that the rules speak of, and what is announced when one changes.

Every change of a recipient is told in the same transaction, so that nothing ends in silence.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil

from contracts.catalogue import Service
from contracts.events.notification import EmailFailed, EmailOutcomeUnknown, EmailSent, RefusedRecipient
from service_kit.outbox import record_event
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service.domain.delivery import Delivery, DeliveryState, mail_state
from notification_service.tables import DeliveryRow, MailRow, Outbox


@dataclass(frozen=True)
class Change:
    before: Delivery
    after: Delivery


def as_delivery(row: DeliveryRow) -> Delivery:
    return Delivery(
        recipient=row.recipient,
        state=row.state,
        tries=row.tries,
        unknowns=row.unknowns,
        reason=row.reason,
        due_at=row.due_at,
    )


def write_changes(mail: MailRow, rows: Sequence[DeliveryRow], after: Iterable[Delivery], *, now: datetime) -> None:
    """Put ``after`` into the rows of the same recipients, and what they all add up to into the mail."""
    by_recipient = {delivery.recipient: delivery for delivery in after}
    for row in rows:
        delivery = by_recipient.get(row.recipient)
        if delivery is not None:
            row.state, row.tries, row.unknowns = delivery.state, delivery.tries, delivery.unknowns
            row.reason, row.due_at, row.updated_at = delivery.reason, delivery.due_at, now
    mail.state = mail_state({row.state for row in rows})
    mail.updated_at = now


async def announce(session: AsyncSession, mail: MailRow, changes: Sequence[Change], *, now: datetime) -> None:
    """One event for each way in which recipients ended or came into doubt."""
    told = [change.after for change in changes if _is_news(change)]
    for duplicate_possible in (False, True):
        sent = [d for d in told if d.state is DeliveryState.SENT and d.duplicate_possible is duplicate_possible]
        if sent:
            await _record(session, _sent(mail, sent, duplicate_possible=duplicate_possible))
    failed = [d for d in told if d.state in (DeliveryState.FAILED, DeliveryState.DROPPED)]
    if failed:
        await _record(session, _failed(mail, failed))
    for again in (True, False):
        unknown = [d for d in told if d.state is DeliveryState.UNKNOWN and (d.due_at is not None) is again]
        if unknown:
            await _record(session, _unknown(mail, unknown, now=now))


def _is_news(change: Change) -> bool:
    """A resend that was only put off is still the same doubt."""
    before, after = change.before, change.after
    if after.state is DeliveryState.UNKNOWN:
        return after.unknowns > before.unknowns or after.due_at is None
    return after.state is not before.state and after.state not in (DeliveryState.QUEUED, DeliveryState.SENDING)


def _sent(mail: MailRow, deliveries: Sequence[Delivery], *, duplicate_possible: bool) -> EmailSent:
    return EmailSent(
        organization_id=mail.organization_id,
        invoice_id=mail.invoice_id,
        mail_id=mail.mail_id,
        kind=mail.kind,
        message_id=mail.message_id,
        recipients=tuple(delivery.recipient for delivery in deliveries),
        duplicate_possible=duplicate_possible,
    )


def _failed(mail: MailRow, deliveries: Sequence[Delivery]) -> EmailFailed:
    return EmailFailed(
        organization_id=mail.organization_id,
        invoice_id=mail.invoice_id,
        mail_id=mail.mail_id,
        kind=mail.kind,
        message_id=mail.message_id,
        recipients=tuple(RefusedRecipient(address=d.recipient, reason=d.reason) for d in deliveries),
    )


def _unknown(mail: MailRow, deliveries: Sequence[Delivery], *, now: datetime) -> EmailOutcomeUnknown:
    due = min((d.due_at for d in deliveries if d.due_at is not None), default=None)
    return EmailOutcomeUnknown(
        organization_id=mail.organization_id,
        invoice_id=mail.invoice_id,
        mail_id=mail.mail_id,
        kind=mail.kind,
        message_id=mail.message_id,
        recipients=tuple(delivery.recipient for delivery in deliveries),
        resend_in_seconds=None if due is None else max(0, ceil((due - now).total_seconds())),
    )


async def _record(session: AsyncSession, event: EmailSent | EmailFailed | EmailOutcomeUnknown) -> None:
    await record_event(session, Outbox, event, service=Service.NOTIFICATION)
