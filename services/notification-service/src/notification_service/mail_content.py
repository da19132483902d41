"""What one mail says, frozen when it was asked for: the event's own words. Only the amount follows a later link."""

from contracts.document import InvoiceDocument
from contracts.event import Fact
from contracts.events.invoice import (
    CollectionMethod,
    DocumentFile,
    InvoiceCollectionChanged,
    InvoiceSent,
    LinkOrder,
    Mail,
    MailRequested,
)
from contracts.money import CurrencyCode

from notification_service.domain.link_join import LinkWish


class MailContent(Fact):
    """``attempt`` is the link that the mail waits for; ``asked_url`` the one that its asker knew. Both may be empty."""

    mail: Mail
    document: InvoiceDocument
    files: tuple[DocumentFile, ...] = ()
    collection_method: CollectionMethod
    amount_due_minor: int
    currency: CurrencyCode
    attempt: int | None = None
    asked_url: str = ""
    asked_sandbox: bool = False
    prefill_email: str = ""

    def wish(self) -> LinkWish:
        if self.collection_method is CollectionMethod.MANUAL:
            return LinkWish()
        return LinkWish(attempt=self.attempt, url=self.asked_url, sandbox=self.asked_sandbox)


def content_of_sent(event: InvoiceSent) -> MailContent:
    return MailContent(
        mail=event.mail,
        document=event.document,
        files=event.files,
        collection_method=event.collection_method,
        amount_due_minor=event.amount_due_minor,
        currency=event.currency,
        attempt=_attempt(event.collection_method, event.link),
        prefill_email=event.link.prefill_email if event.link else "",
    )


def content_of_request(event: MailRequested) -> MailContent:
    return MailContent(
        mail=event.mail,
        document=event.document,
        files=event.files,
        collection_method=event.collection_method,
        amount_due_minor=event.amount_due_minor,
        currency=event.currency,
        asked_url=event.payment_url,
        asked_sandbox=event.sandbox,
    )


def content_of_change(event: InvoiceCollectionChanged, *, mail: Mail, amount_due_minor: int | None) -> MailContent:
    """``amount_due_minor`` of the mail that it replaces counts where the event names none; else the whole document."""
    amounts = (event.amount_due_minor, amount_due_minor, event.document.totals.payable_minor)
    due = next(amount for amount in amounts if amount is not None)
    return MailContent(
        mail=mail,
        document=event.document,
        files=event.files,
        collection_method=event.collection_method,
        amount_due_minor=event.link.amount_minor if event.link else due,
        currency=event.document.currency,
        attempt=_attempt(event.collection_method, event.link),
        prefill_email=event.link.prefill_email if event.link else "",
    )


def _attempt(method: CollectionMethod, link: LinkOrder | None) -> int | None:
    return link.attempt if link is not None and method is CollectionMethod.STRIPE else None
