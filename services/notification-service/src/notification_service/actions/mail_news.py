"""Which events the changes of a mail's recipients are worth, in plain values: what ended, and what came into doubt."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from uuid import UUID

from contracts.event import Event
from contracts.events.accounts import AccountMailKind
from contracts.events.invoice import MailKind
from contracts.events.notification import (
    AccountMailOutcome,
    AccountMailSettled,
    EmailFailed,
    EmailOutcomeUnknown,
    EmailSent,
    RefusedRecipient,
)

from notification_service.domain.delivery import Delivery, DeliveryState

_OUTCOMES: Mapping[DeliveryState, AccountMailOutcome] = {
    DeliveryState.SENT: AccountMailOutcome.SENT,
    DeliveryState.FAILED: AccountMailOutcome.FAILED,
    DeliveryState.UNKNOWN: AccountMailOutcome.UNKNOWN,
    DeliveryState.DROPPED: AccountMailOutcome.DROPPED,
}


@dataclass(frozen=True)
class Change:
    before: Delivery
    after: Delivery


@dataclass(frozen=True)
class AboutInvoice:
    organization_id: UUID
    invoice_id: UUID
    mail_id: UUID
    kind: MailKind
    message_id: str


@dataclass(frozen=True)
class AboutAccount:
    organization_id: UUID
    mail_id: UUID
    kind: AccountMailKind


def account_mail_news(about: AboutAccount, changes: Sequence[Change]) -> Iterator[Event]:
    """One word for each outcome. A second doubt about the same mail is no news, but that it was taken after all is."""
    for change in changes:
        after = change.after
        doubted = after.state is DeliveryState.UNKNOWN and change.before.unknowns > 0
        if after.state in _OUTCOMES and after.state is not change.before.state and not doubted:
            yield AccountMailSettled(
                organization_id=about.organization_id,
                mail_id=about.mail_id,
                kind=about.kind,
                outcome=_OUTCOMES[after.state],
                reason="" if after.state is DeliveryState.SENT else after.reason,
            )


def invoice_mail_news(about: AboutInvoice, changes: Sequence[Change], *, now: datetime) -> Iterator[Event]:
    """``now`` is the moment from which a resend is counted."""
    told = [change.after for change in changes if _is_news(change)]
    for duplicate_possible in (False, True):
        sent = [d for d in told if d.state is DeliveryState.SENT and d.duplicate_possible is duplicate_possible]
        if sent:
            yield _sent(about, sent, duplicate_possible=duplicate_possible)
    failed = [d for d in told if d.state in (DeliveryState.FAILED, DeliveryState.DROPPED)]
    if failed:
        yield _failed(about, failed)
    for again in (True, False):
        unknown = [d for d in told if d.state is DeliveryState.UNKNOWN and (d.due_at is not None) is again]
        if unknown:
            yield _unknown(about, unknown, now=now)


def _is_news(change: Change) -> bool:
    """A resend that was only put off is still the same doubt."""
    before, after = change.before, change.after
    if after.state is DeliveryState.UNKNOWN:
        return after.unknowns > before.unknowns or after.due_at is None
    return after.state is not before.state and after.state not in (DeliveryState.QUEUED, DeliveryState.SENDING)


def _sent(about: AboutInvoice, deliveries: Sequence[Delivery], *, duplicate_possible: bool) -> EmailSent:
    return EmailSent(
        organization_id=about.organization_id,
        invoice_id=about.invoice_id,
        mail_id=about.mail_id,
        kind=about.kind,
        message_id=about.message_id,
        recipients=tuple(delivery.recipient for delivery in deliveries),
        duplicate_possible=duplicate_possible,
    )


def _failed(about: AboutInvoice, deliveries: Sequence[Delivery]) -> EmailFailed:
    return EmailFailed(
        organization_id=about.organization_id,
        invoice_id=about.invoice_id,
        mail_id=about.mail_id,
        kind=about.kind,
        message_id=about.message_id,
        recipients=tuple(RefusedRecipient(address=d.recipient, reason=d.reason) for d in deliveries),
    )


def _unknown(about: AboutInvoice, deliveries: Sequence[Delivery], *, now: datetime) -> EmailOutcomeUnknown:
    due = min((d.due_at for d in deliveries if d.due_at is not None), default=None)
    return EmailOutcomeUnknown(
        organization_id=about.organization_id,
        invoice_id=about.invoice_id,
        mail_id=about.mail_id,
        kind=about.kind,
        message_id=about.message_id,
        recipients=tuple(delivery.recipient for delivery in deliveries),
        resend_in_seconds=None if due is None else max(0, ceil((due - now).total_seconds())),
    )
