"""Between a recipient's row and the plain value that the rules speak of, and what is announced when one changes.

Every change of a recipient is told in the same transaction, so that nothing ends in silence.
"""

from collections.abc import Iterable, Sequence
from datetime import datetime

from contracts.catalogue import Service
from contracts.event import Event
from contracts.events.accounts import AccountMailKind
from service_kit.outbox import record_event
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service.actions.mail_news import (
    AboutAccount,
    AboutInvoice,
    Change,
    account_mail_news,
    invoice_mail_news,
)
from notification_service.domain.delivery import Delivery, mail_state
from notification_service.tables import DeliveryRow, MailRow, Outbox


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
    for event in _news(mail, changes, now=now):
        await record_event(session, Outbox, event, service=Service.NOTIFICATION)


def _news(mail: MailRow, changes: Sequence[Change], *, now: datetime) -> Iterable[Event]:
    if mail.invoice_id is None or isinstance(mail.kind, AccountMailKind):
        kind = AccountMailKind(mail.kind)
        return account_mail_news(AboutAccount(mail.organization_id, mail.mail_id, kind), changes)
    about = AboutInvoice(
        organization_id=mail.organization_id,
        invoice_id=mail.invoice_id,
        mail_id=mail.mail_id,
        kind=mail.kind,
        message_id=mail.message_id,
    )
    return invoice_mail_news(about, changes, now=now)
