"""How rows become what other services are told: the order for a link, the mail, the file. One shape for all."""

from datetime import datetime
from uuid import UUID

from contracts.events.invoice import CollectionMethod, DocumentFile, LinkOrder, Mail, MailKind

from invoice_service.domain.page_token import PageAddresses
from invoice_service.tables.invoices import Document, Invoice
from invoice_service.tables.organizations import Organization


def touch(invoice: Invoice, *, now: datetime) -> None:
    """Note that the invoice changed; its version is the ETag."""
    invoice.version += 1
    invoice.updated_at = now


def number_of(invoice: Invoice) -> str:
    if invoice.number is None:
        raise ValueError(f"invoice {invoice.id} has no number")
    return invoice.number


def durable_address(*, invoice: Invoice, pages: PageAddresses) -> str:
    return pages.address_of(
        organization_id=invoice.organization_id, invoice_id=invoice.id, generation=invoice.page_generation
    )


def shown_address(*, invoice: Invoice, pages: PageAddresses) -> str:
    """The durable address where mail and document carry one; empty for an invoice that is collected by hand."""
    return durable_address(invoice=invoice, pages=pages) if collects_by_stripe(invoice) else ""


def collects_by_stripe(invoice: Invoice) -> bool:
    return invoice.collection_method is CollectionMethod.STRIPE


def link_order(*, invoice: Invoice, amount_minor: int, pages: PageAddresses) -> LinkOrder:
    """The order for the invoice's newest attempt, over exactly ``amount_minor``."""
    number = number_of(invoice)
    return LinkOrder(
        attempt=invoice.link_attempt,
        amount_minor=amount_minor,
        currency=invoice.currency,
        invoice_number=number,
        description=f"Invoice {number}",
        prefill_email=next(iter(invoice.recipients.get("to", [])), ""),
        return_url=durable_address(invoice=invoice, pages=pages),
        locale=invoice.language,
    )


def mail_about(
    *, invoice: Invoice, organization: Organization, mail_id: UUID, kind: MailKind, message: str, pages: PageAddresses
) -> Mail:
    """To the invoice's recipients, with the organisation's sender and signature as they are now."""
    return Mail(
        mail_id=mail_id,
        kind=kind,
        to=tuple(invoice.recipients["to"]),
        cc=tuple(invoice.recipients.get("cc", [])),
        reply_to=organization.email,
        sender_name=organization.sender_name or organization.name,
        message=message,
        signature=organization.signature,
        language=invoice.language,
        durable_url=shown_address(invoice=invoice, pages=pages),
    )


def first_mail(*, invoice: Invoice, organization: Organization, pages: PageAddresses) -> Mail:
    """The one intent to mail that was made at issue, however often and in whichever event it is told."""
    if invoice.mail_id is None:
        raise ValueError(f"invoice {invoice.id} was issued without a mail")
    return mail_about(
        invoice=invoice,
        organization=organization,
        mail_id=invoice.mail_id,
        kind=MailKind.INVOICE,
        message=invoice.message,
        pages=pages,
    )


def file_of(document: Document) -> DocumentFile:
    return DocumentFile(
        document_id=document.id,
        filename=document.filename,
        media_type=document.media_type,
        size_bytes=document.size_bytes,
        sha256=document.sha256,
    )
