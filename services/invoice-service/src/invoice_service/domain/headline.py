"""The one word that is shown for an invoice: the first row of one table of precedence that fits the five axes."""

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from invoice_service.domain.statuses import DeliveryState, DocumentState, DocumentStatus, LinkStatus, PaymentStatus


class Headline(StrEnum):
    DRAFT = "draft"
    SENDING = "sending"
    SENT = "sent"
    ACTION_NEEDED = "action_needed"
    PROCESSING = "processing"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    OVERPAID = "overpaid"
    OVERDUE = "overdue"
    DISPUTED = "disputed"
    REFUNDED = "refunded"
    VOIDING = "voiding"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"


class MailPicture(StrEnum):
    """What became of the invoice's newest mail, over all its recipients."""

    NONE = "none"
    ON_ITS_WAY = "on_its_way"
    SENT = "sent"
    FAILED = "failed"


@dataclass(frozen=True)
class HeadlineFacts:
    """``today`` is the date in the organisation's time zone. ``collects_by_stripe`` is the method, not the link."""

    document_status: DocumentStatus
    document_state: DocumentState
    collects_by_stripe: bool
    link_status: LinkStatus
    payment_status: PaymentStatus
    mail: MailPicture
    due_minor: int
    due_date: date | None
    today: date


def mail_picture(deliveries: Iterable[tuple[DeliveryState, bool]]) -> MailPicture:
    """Sum up (state, duplicate_possible) of each recipient of the newest mail.

    An unknown outcome goes again by itself once; when that is unknown too, a duplicate is possible and a person looks.
    """
    rows = tuple(deliveries)
    if not rows:
        return MailPicture.NONE
    if any(_failed(state, duplicate_possible) for state, duplicate_possible in rows):
        return MailPicture.FAILED
    if all(state is DeliveryState.SENT for state, _ in rows):
        return MailPicture.SENT
    return MailPicture.ON_ITS_WAY


def _failed(state: DeliveryState, duplicate_possible: bool) -> bool:
    return state in (DeliveryState.FAILED, DeliveryState.BOUNCED) or (
        state is DeliveryState.UNKNOWN and duplicate_possible
    )


def is_overdue(*, due_date: date | None, due_minor: int, today: date) -> bool:
    """Late from the day after the due date, while anything is left to pay. Never stored."""
    return due_date is not None and today > due_date and due_minor > 0


def _document_is(status: DocumentStatus) -> Callable[[HeadlineFacts], bool]:
    return lambda facts: facts.document_status is status


def _payment_is(*statuses: PaymentStatus) -> Callable[[HeadlineFacts], bool]:
    return lambda facts: facts.payment_status in statuses


def _needs_person(facts: HeadlineFacts) -> bool:
    return (
        facts.document_state is DocumentState.FAILED
        or (facts.collects_by_stripe and facts.link_status is LinkStatus.FAILED)
        or facts.mail is MailPicture.FAILED
    )


def _is_late(facts: HeadlineFacts) -> bool:
    return is_overdue(due_date=facts.due_date, due_minor=facts.due_minor, today=facts.today)


def _is_on_its_way(facts: HeadlineFacts) -> bool:
    return facts.mail in (MailPicture.NONE, MailPicture.ON_ITS_WAY)


PRECEDENCE: Sequence[tuple[Headline, Callable[[HeadlineFacts], bool]]] = (
    (Headline.DRAFT, _document_is(DocumentStatus.DRAFT)),
    (Headline.OVERPAID, _payment_is(PaymentStatus.OVERPAID)),
    (Headline.VOID, _document_is(DocumentStatus.VOID)),
    (Headline.VOIDING, _document_is(DocumentStatus.VOIDING)),
    (Headline.UNCOLLECTIBLE, _document_is(DocumentStatus.UNCOLLECTIBLE)),
    (Headline.DISPUTED, _payment_is(PaymentStatus.DISPUTED)),
    (Headline.REFUNDED, _payment_is(PaymentStatus.REFUNDED, PaymentStatus.PARTIALLY_REFUNDED)),
    (Headline.PAID, _payment_is(PaymentStatus.PAID)),
    (Headline.ACTION_NEEDED, _needs_person),
    (Headline.PROCESSING, _payment_is(PaymentStatus.PROCESSING)),
    (Headline.OVERDUE, _is_late),
    (Headline.PARTIALLY_PAID, _payment_is(PaymentStatus.PARTIALLY_PAID)),
    (Headline.SENDING, _is_on_its_way),
    (Headline.SENT, _document_is(DocumentStatus.ISSUED)),
)


def headline(facts: HeadlineFacts) -> Headline:
    """Raises `LookupError` for a deleted draft, which is shown nowhere."""
    if facts.document_status is not DocumentStatus.DELETED:
        for word, fits in PRECEDENCE:
            if fits(facts):
                return word
    raise LookupError(f"no headline for {facts}")
