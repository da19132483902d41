"""What notification-service says: what became of a mail, honestly, including that nobody can know."""

from enum import StrEnum
from typing import ClassVar

from contracts.event import Event, Fact
from contracts.events.accounts import AccountMailKind
from contracts.events.invoice import MailKind
from contracts.ids import InvoiceId, MailId


class EmailSent(Event):
    """The mail server took the mail for these recipients."""

    event_type: ClassVar[str] = "notification.email_sent.v1"

    invoice_id: InvoiceId
    mail_id: MailId
    kind: MailKind
    message_id: str
    recipients: tuple[str, ...]
    duplicate_possible: bool = False


class RefusedRecipient(Fact):
    address: str
    reason: str


class EmailFailed(Event):
    """The mail will not go out to these recipients by itself. ``reason`` is what the mail server said, trimmed."""

    event_type: ClassVar[str] = "notification.email_failed.v1"

    invoice_id: InvoiceId
    mail_id: MailId
    kind: MailKind
    message_id: str
    recipients: tuple[RefusedRecipient, ...]


class EmailOutcomeUnknown(Event):
    """The connection ended after the content was handed over: it may or may not have gone out."""

    event_type: ClassVar[str] = "notification.email_outcome_unknown.v1"

    invoice_id: InvoiceId
    mail_id: MailId
    kind: MailKind
    message_id: str
    recipients: tuple[str, ...]
    resend_in_seconds: int | None
    """When it goes again by itself, or None when it does not."""


class AccountMailOutcome(StrEnum):
    """``dropped``: overtaken, used or withdrawn before it went out, so nobody misses it."""

    SENT = "sent"
    FAILED = "failed"
    UNKNOWN = "unknown"
    DROPPED = "dropped"


class AccountMailSettled(Event):
    """What became of a mail about an account. After ``unknown`` another word follows if a later copy was taken.

    ``reason`` is what the mail server said, or why nothing was sent, trimmed.
    """

    event_type: ClassVar[str] = "notification.account_mail_settled.v1"
    aggregate: ClassVar[tuple[str, str]] = ("mail_id", "mail")

    mail_id: MailId
    kind: AccountMailKind
    outcome: AccountMailOutcome
    reason: str = ""
