"""What notification-service says of a mail, one row for each recipient; news in any order ends in the same picture."""

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.events.notification import EmailFailed, EmailOutcomeUnknown, EmailSent
from service_kit.database import app_now
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.deliveries import is_further
from invoice_service.domain.statuses import DeliveryState
from invoice_service.tables.invoices import Invoice
from invoice_service.tables.pictures import Delivery

MailNews = EmailSent | EmailFailed | EmailOutcomeUnknown


@dataclass(frozen=True)
class _Said:
    recipient: str
    state: DeliveryState
    reason: str = ""
    duplicate_possible: bool = False


async def apply_mail_news(session: AsyncSession, *, invoice: Invoice, news: MailNews) -> None:
    """``invoice`` is locked, so that two pieces of news about one mail take turns."""
    now = await app_now(session)
    for said in _said(news):
        row = await session.get(Delivery, (invoice.organization_id, news.mail_id, said.recipient))
        if row is None:
            row = Delivery(
                organization_id=invoice.organization_id,
                mail_id=news.mail_id,
                recipient=said.recipient,
                invoice_id=invoice.id,
                kind=news.kind,
                created_at=now,
                updated_at=now,
            )
            session.add(row)
        if is_further(said=said.state, known=row.state):
            row.state, row.reason = said.state, said.reason
        row.message_id = news.message_id
        row.duplicate_possible = row.duplicate_possible or said.duplicate_possible
        row.updated_at = now


def _said(news: MailNews) -> Iterable[_Said]:
    if isinstance(news, EmailSent):
        return [_Said(address, DeliveryState.SENT, "", news.duplicate_possible) for address in news.recipients]
    if isinstance(news, EmailFailed):
        return [_Said(refused.address, DeliveryState.FAILED, refused.reason) for refused in news.recipients]
    last = news.resend_in_seconds is None
    reason = "the mail server did not answer; it may or may not have gone out"
    return [_Said(address, DeliveryState.UNKNOWN, reason, last) for address in news.recipients]
