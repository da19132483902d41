"""The words that the five axes of an invoice can say, spelt once for the database, the API and the rules.

A word here is what is stored and what is shown; nothing is a status that is not in this file.
"""

from enum import StrEnum


class DocumentStatus(StrEnum):
    DRAFT = "draft"
    ISSUED = "issued"
    VOIDING = "voiding"
    VOID = "void"
    UNCOLLECTIBLE = "uncollectible"
    DELETED = "deleted"


class DocumentState(StrEnum):
    """How far the printed document has come."""

    NONE = "none"
    RENDERING = "rendering"
    STORED = "stored"
    FAILED = "failed"


class LinkStatus(StrEnum):
    NONE = "none"
    CREATING = "creating"
    ACTIVE = "active"
    CLOSING = "closing"
    CLOSED = "closed"
    FAILED = "failed"


class PaymentStatus(StrEnum):
    UNPAID = "unpaid"
    PROCESSING = "processing"
    PARTIALLY_PAID = "partially_paid"
    PAID = "paid"
    OVERPAID = "overpaid"
    PARTIALLY_REFUNDED = "partially_refunded"
    REFUNDED = "refunded"
    DISPUTED = "disputed"


class DeliveryState(StrEnum):
    QUEUED = "queued"
    SENDING = "sending"
    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    BOUNCED = "bounced"


class EntryKind(StrEnum):
    """What one posting of the receivables ledger records."""

    CAPTURE = "capture"
    MANUAL = "manual"
    MANUAL_REVERSAL = "manual_reversal"
    REFUND = "refund"
    REFUND_FAILED = "refund_failed"
    REVERSAL = "reversal"
    WITHDRAWN = "withdrawn"
    REINSTATED = "reinstated"
    APPLY = "apply"
    UNAPPLY = "unapply"
    CREDIT = "credit"
    SUSPENSE = "suspense"
    CREDIT_NOTE = "credit_note"
    WRITE_OFF = "write_off"


class OverpaymentPolicy(StrEnum):
    ASK = "ask"
    REFUND = "refund"
    CREDIT = "credit"
