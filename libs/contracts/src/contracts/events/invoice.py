"""What invoice-service says: an invoice was sent, what is owed changed, how it is collected changed, it ended."""

from enum import StrEnum
from typing import ClassVar

from contracts.document import InvoiceDocument
from contracts.event import Event, Fact
from contracts.ids import CustomerId, DocumentId, InvoiceId, MailId
from contracts.money import CurrencyCode


class CollectionMethod(StrEnum):
    MANUAL = "manual"
    STRIPE = "stripe"


class MailKind(StrEnum):
    INVOICE = "invoice"
    RESEND = "resend"
    REMINDER = "reminder"
    RECEIPT = "receipt"
    OWNER_ALERT = "owner_alert"


class LinkOrder(Fact):
    """Everything payment-service needs to make one payment link. ``attempt`` is the n-th collection by link, from 1.

    ``return_url`` is the invoice's durable address, where the payer comes back to.
    """

    attempt: int
    amount_minor: int
    currency: CurrencyCode
    invoice_number: str
    description: str
    prefill_email: str = ""
    return_url: str
    locale: str = "en"


class DocumentFile(Fact):
    """The claim check: the bytes are fetched by id from invoice-service and must have this digest (hex SHA-256)."""

    document_id: DocumentId
    filename: str
    media_type: str
    size_bytes: int
    sha256: str


class Mail(Fact):
    """One intent to mail, frozen: the same ``mail_id`` is the same mail however often it is tried.

    ``durable_url`` is empty for invoices that are collected by hand.
    """

    mail_id: MailId
    kind: MailKind
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    reply_to: str = ""
    sender_name: str
    message: str = ""
    signature: str = ""
    language: str = "en"
    durable_url: str = ""


class InvoiceSent(Event):
    """A draft was issued and its document stored. ``link`` is set exactly when ``collection_method`` is stripe."""

    event_type: ClassVar[str] = "invoice.sent.v1"

    invoice_id: InvoiceId
    customer_id: CustomerId
    document: InvoiceDocument
    document_sha256: str
    files: tuple[DocumentFile, ...]
    collection_method: CollectionMethod
    collection_version: int = 1
    amount_due_minor: int
    currency: CurrencyCode
    link: LinkOrder | None = None
    mail: Mail


class InvoiceBalanceChanged(Event):
    """What is left to pay changed. ``link`` orders the next attempt; without it, every earlier link is to be closed."""

    event_type: ClassVar[str] = "invoice.balance_changed.v1"

    invoice_id: InvoiceId
    amount_due_minor: int
    currency: CurrencyCode
    attempt: int
    """The newest attempt of this invoice: links with a smaller one are overtaken. 0 when it never had a link."""
    link: LinkOrder | None = None


class PaymentLinkRequested(Event):
    """A person asked for another try after a link could not be made."""

    event_type: ClassVar[str] = "invoice.payment_link_requested.v1"

    invoice_id: InvoiceId
    link: LinkOrder


class InvoiceCollectionChanged(Event):
    """The method of an issued invoice changed. ``mail`` is set when the first mail has not gone out yet and now may.

    ``collection_version`` grows with each change; a listener ignores an older one.
    """

    event_type: ClassVar[str] = "invoice.collection_changed.v1"

    invoice_id: InvoiceId
    collection_method: CollectionMethod
    collection_version: int
    attempt: int
    """The newest attempt: with manual, all links up to this one are to be closed."""
    link: LinkOrder | None = None
    document: InvoiceDocument
    files: tuple[DocumentFile, ...]
    amount_due_minor: int | None = None
    """What was due at that moment; None from a publisher that does not say it."""
    mail: Mail | None = None


class InvoiceVoidRequested(Event):
    """The invoice waits in *voiding* until every link up to ``attempt`` is proven closed."""

    event_type: ClassVar[str] = "invoice.void_requested.v1"

    invoice_id: InvoiceId
    attempt: int
    reason: str = ""


class InvoiceVoided(Event):
    event_type: ClassVar[str] = "invoice.voided.v1"

    invoice_id: InvoiceId
    reason: str = ""


class InvoicePaid(Event):
    """Nothing is left to pay. Said once for each time the balance reaches zero by money."""

    event_type: ClassVar[str] = "invoice.paid.v1"

    invoice_id: InvoiceId
    number: str
    paid_minor: int
    currency: CurrencyCode


class MailRequested(Event):
    """A person or a rule asked for a mail about an issued invoice. ``payment_url`` is the link of that moment."""

    event_type: ClassVar[str] = "invoice.mail_requested.v1"

    invoice_id: InvoiceId
    mail: Mail
    document: InvoiceDocument
    files: tuple[DocumentFile, ...] = ()
    collection_method: CollectionMethod
    amount_due_minor: int
    currency: CurrencyCode
    payment_url: str = ""
    sandbox: bool = False
