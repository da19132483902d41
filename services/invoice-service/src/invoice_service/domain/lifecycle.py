"""One table of legal moves for the document and one for the link; nothing else decides whether a status may change.

A move that was already made, or that a later one has overtaken, is an answer by name and changes nothing. A move that
no history can explain is a conflict, which a person looks at.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from service_kit.errors import DomainError, ErrorKind

from invoice_service.domain.statuses import DocumentStatus, LinkStatus


class DocumentMove(StrEnum):
    ISSUE = "issue"
    DELETE = "delete"
    ASK_TO_VOID = "ask to void"
    VOID = "void"
    KEEP = "keep"
    """A payment won against the void."""
    WRITE_OFF = "write off"
    RECOVER = "recover"


class LinkNews(StrEnum):
    CREATED = "created"
    FAILED = "failed"
    CLOSED = "closed"


class Outcome(StrEnum):
    MADE = "made"
    ALREADY_MADE = "already made"
    OVERTAKEN = "overtaken"


class InvoiceNotDraft(DomainError):
    slug = "invoice-already-issued"
    kind = ErrorKind.CONFLICT
    title = "The invoice was already issued"


class InvoiceMoveImpossible(DomainError):
    slug = "invoice-move-impossible"
    kind = ErrorKind.CONFLICT
    title = "The invoice cannot do this in its present state"


class LinkNewsImpossible(DomainError):
    slug = "link-news-impossible"
    kind = ErrorKind.CONFLICT
    title = "The news about a payment link contradicts what is known"


@dataclass(frozen=True)
class DocumentStep:
    outcome: Outcome
    status: DocumentStatus


@dataclass(frozen=True)
class LinkStep:
    outcome: Outcome
    status: LinkStatus


_D = DocumentStatus
_MADE = Outcome.MADE
_ALREADY = Outcome.ALREADY_MADE
_OVERTAKEN = Outcome.OVERTAKEN

_DOCUMENT: Mapping[tuple[DocumentStatus, DocumentMove], tuple[Outcome, DocumentStatus]] = {
    (_D.DRAFT, DocumentMove.ISSUE): (_MADE, _D.ISSUED),
    (_D.DRAFT, DocumentMove.DELETE): (_MADE, _D.DELETED),
    (_D.DELETED, DocumentMove.DELETE): (_ALREADY, _D.DELETED),
    (_D.ISSUED, DocumentMove.ASK_TO_VOID): (_MADE, _D.VOIDING),
    (_D.VOIDING, DocumentMove.ASK_TO_VOID): (_ALREADY, _D.VOIDING),
    (_D.VOID, DocumentMove.ASK_TO_VOID): (_ALREADY, _D.VOID),
    (_D.ISSUED, DocumentMove.VOID): (_OVERTAKEN, _D.ISSUED),
    (_D.VOIDING, DocumentMove.VOID): (_MADE, _D.VOID),
    (_D.VOID, DocumentMove.VOID): (_ALREADY, _D.VOID),
    (_D.ISSUED, DocumentMove.KEEP): (_ALREADY, _D.ISSUED),
    (_D.VOIDING, DocumentMove.KEEP): (_MADE, _D.ISSUED),
    (_D.VOID, DocumentMove.KEEP): (_OVERTAKEN, _D.VOID),
    (_D.UNCOLLECTIBLE, DocumentMove.KEEP): (_OVERTAKEN, _D.UNCOLLECTIBLE),
    (_D.ISSUED, DocumentMove.WRITE_OFF): (_MADE, _D.UNCOLLECTIBLE),
    (_D.UNCOLLECTIBLE, DocumentMove.WRITE_OFF): (_ALREADY, _D.UNCOLLECTIBLE),
    (_D.UNCOLLECTIBLE, DocumentMove.RECOVER): (_MADE, _D.ISSUED),
    (_D.ISSUED, DocumentMove.RECOVER): (_ALREADY, _D.ISSUED),
}

_L = LinkStatus

_LINK: Mapping[tuple[LinkStatus, LinkNews], tuple[Outcome, LinkStatus]] = {
    (_L.CREATING, LinkNews.CREATED): (_MADE, _L.ACTIVE),
    (_L.CREATING, LinkNews.FAILED): (_MADE, _L.FAILED),
    (_L.CREATING, LinkNews.CLOSED): (_MADE, _L.CLOSED),
    (_L.ACTIVE, LinkNews.CREATED): (_ALREADY, _L.ACTIVE),
    (_L.ACTIVE, LinkNews.CLOSED): (_MADE, _L.CLOSED),
    (_L.FAILED, LinkNews.FAILED): (_ALREADY, _L.FAILED),
    (_L.FAILED, LinkNews.CLOSED): (_MADE, _L.CLOSED),
    (_L.CLOSING, LinkNews.CREATED): (_OVERTAKEN, _L.CLOSING),
    # A link that never came to be needs no closing, and nothing more is said of it.
    (_L.CLOSING, LinkNews.FAILED): (_MADE, _L.CLOSED),
    (_L.CLOSING, LinkNews.CLOSED): (_MADE, _L.CLOSED),
    (_L.CLOSED, LinkNews.CREATED): (_OVERTAKEN, _L.CLOSED),
    (_L.CLOSED, LinkNews.FAILED): (_OVERTAKEN, _L.CLOSED),
    (_L.CLOSED, LinkNews.CLOSED): (_ALREADY, _L.CLOSED),
}

_ENDS = {
    _L.NONE: _L.NONE,
    _L.CREATING: _L.CLOSING,
    _L.ACTIVE: _L.CLOSING,
    _L.CLOSING: _L.CLOSING,
    _L.CLOSED: _L.CLOSED,
    _L.FAILED: _L.FAILED,
}


def move_document(*, status: DocumentStatus, move: DocumentMove) -> DocumentStep:
    """The status after ``move``. Raises `InvoiceNotDraft` or `InvoiceMoveImpossible`."""
    step = _DOCUMENT.get((status, move))
    if step is not None:
        return DocumentStep(*step)
    if move in (DocumentMove.ISSUE, DocumentMove.DELETE) and status is not DocumentStatus.DELETED:
        raise InvoiceNotDraft(f"the invoice is {status}; only a draft can be sent, edited or deleted")
    raise InvoiceMoveImpossible(f"an invoice that is {status} cannot take the step '{move}'")


def apply_link_news(*, status: LinkStatus, attempt: int, news: LinkNews, news_attempt: int) -> LinkStep:
    """The status after news of one attempt; news of an earlier one is overtaken. Raises `LinkNewsImpossible`."""
    if news_attempt < attempt:
        return LinkStep(Outcome.OVERTAKEN, status)
    step = _LINK.get((status, news)) if news_attempt == attempt else None
    if step is None:
        raise LinkNewsImpossible(
            f"attempt {news_attempt} is said to be {news}, but the newest is {attempt} and its link is {status}"
        )
    return LinkStep(*step)


def closing_link(status: LinkStatus) -> LinkStatus:
    """What a link becomes when it must end; the proof that it is closed arrives later."""
    return _ENDS[status]
