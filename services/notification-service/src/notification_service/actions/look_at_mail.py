"""What the task of a mail finds: something to send, an interrupted try, or a reason to leave it alone."""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from contracts.events.accounts import AccountMailRequested
from service_kit.database import app_now
from service_kit.handlers import Delivery as InboxRow
from service_kit.handlers import Park
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service import queries
from notification_service.actions.delivery_rows import as_delivery
from notification_service.actions.settle_mail import decide
from notification_service.domain.delivery import Delivery, MailState, is_due
from notification_service.domain.link_join import Go, KnownLink
from notification_service.mail_content import MailContent
from notification_service.tables import InvoiceFacts, MailRow


@dataclass(frozen=True)
class Ready:
    """One try, in plain values: a second look gives an equal one as long as nothing that matters has changed."""

    organization_id: UUID
    message_id: str
    dated_at: datetime
    content: MailContent | AccountMailRequested
    link: KnownLink | None
    recipients: tuple[str, ...]


@dataclass(frozen=True)
class Tried:
    """A try under way or interrupted: all deliveries of the mail as they were reserved; ``now`` is that moment."""

    deliveries: tuple[Delivery, ...]
    first_tried_at: datetime
    now: datetime


@dataclass(frozen=True)
class NothingDue:
    again_in_seconds: float | None


@dataclass(frozen=True)
class NotOurs:
    """Another task sends this mail, or it needs no sending any more."""


@dataclass(frozen=True)
class StandDown:
    """The facts of the invoice no longer let it go."""


Finding = Ready | Tried | NothingDue | NotOurs | StandDown


async def look_at_mail(session: AsyncSession, *, row: InboxRow, mail_id: UUID) -> Finding:
    """Raises `Park` for a mail that does not exist."""
    facts, mail = await locked_mail(session, organization_id=row.organization_id, mail_id=mail_id)
    if mail.task_id != row.id:
        return NotOurs()
    rows = await queries.deliveries_of(session, organization_id=mail.organization_id, mail_id=mail_id)
    deliveries = tuple(map(as_delivery, rows))
    now = await app_now(session)
    if mail.state is MailState.SENDING:
        return Tried(deliveries=deliveries, first_tried_at=mail.first_tried_at or now, now=now)
    decision = await decide(session, mail, facts)
    if not isinstance(decision, Go):
        return StandDown()
    due = tuple(delivery.recipient for delivery in deliveries if is_due(delivery, now=now))
    if not due:
        return NothingDue(again_in_seconds=seconds_until_next(deliveries, now=now))
    return Ready(
        organization_id=mail.organization_id,
        message_id=mail.message_id,
        dated_at=mail.dated_at,
        content=_content(mail, decision),
        link=decision.link,
        recipients=due,
    )


async def locked_mail(
    session: AsyncSession, *, organization_id: UUID | None, mail_id: UUID
) -> tuple[InvoiceFacts | None, MailRow]:
    """Invoice first, mail second: everybody locks in this order. A mail about an account has no facts beside it.

    Raises `Park` for a mail that does not exist.
    """
    if organization_id is None:
        raise Park("a mail belongs to an organisation, and this task names none")
    invoice_id = await queries.invoice_of_mail(session, organization_id=organization_id, mail_id=mail_id)
    facts = None
    if invoice_id is not None:
        facts = await queries.lock_invoice(session, organization_id=organization_id, invoice_id=invoice_id)
    mail = await queries.lock_mail(session, organization_id=organization_id, mail_id=mail_id)
    if mail is None:
        raise Park(f"there is no mail {mail_id}")
    return facts, mail


def _content(mail: MailRow, decision: Go) -> MailContent | AccountMailRequested:
    if mail.invoice_id is None:
        return AccountMailRequested.model_validate(mail.content)
    content = MailContent.model_validate(mail.content)
    due_minor = decision.amount_due(asked_minor=content.amount_due_minor)
    return content.model_copy(update={"amount_due_minor": due_minor})


def seconds_until_next(deliveries: Iterable[Delivery], *, now: datetime) -> float | None:
    """Until the first of them is due, or None when none will be tried again."""
    due = [delivery.due_at for delivery in deliveries if delivery.due_at is not None]
    return max(0.0, (min(due) - now).total_seconds()) if due else None
