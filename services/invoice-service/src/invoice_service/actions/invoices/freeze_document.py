"""What an invoice says for good: its draft computed again and compared, with both parties as they are then."""

from dataclasses import dataclass
from datetime import date

from contracts.canonical import canonical_json
from contracts.document import Address, BankDetails, InvoiceDocument, Party

from invoice_service.domain.drafting import ComputedDocument, DraftAllowance, DraftLine, compute_document
from invoice_service.domain.invoice_refusals import DocumentTooLarge, TotalsDisagree
from invoice_service.tables.customers import Customer
from invoice_service.tables.invoices import Invoice
from invoice_service.tables.organizations import Organization

DOCUMENT_BYTES_MAX = 900_000
"""Of the frozen document as JSON, so that the event that carries it stays under the limit of a message."""


@dataclass(frozen=True)
class DocumentDates:
    issue_date: date
    due_date: date


def drafted_lines(invoice: Invoice) -> tuple[DraftLine, ...]:
    return tuple(DraftLine.model_validate(row) for row in invoice.lines)


def agreed_document(invoice: Invoice) -> ComputedDocument:
    """The draft computed again. Raises `TotalsDisagree` when the stored totals are not what its lines say."""
    allowances = tuple(DraftAllowance.model_validate(row) for row in invoice.allowances)
    computed = compute_document(currency=invoice.currency, lines=drafted_lines(invoice), allowances=allowances)
    said = (invoice.lines_minor, invoice.net_minor, invoice.tax_minor, invoice.total_minor)
    totals = computed.totals
    if said != (totals.lines_minor, totals.net_minor, totals.tax_minor, totals.payable_minor):
        raise TotalsDisagree("the draft's totals are stale; save the draft again, then send it")
    return computed


def freeze_document(
    invoice: Invoice,
    computed: ComputedDocument,
    organization: Organization,
    customer: Customer,
    number: str,
    dates: DocumentDates,
) -> InvoiceDocument:
    """Everything the invoice says, parties included, as they are now. Raises `DocumentTooLarge`."""
    bank_details = BankDetails.model_validate(organization.bank_details)
    document = InvoiceDocument(
        document_type=invoice.document_type,
        number=number,
        title=invoice.title,
        issue_date=dates.issue_date,
        due_date=dates.due_date,
        currency=invoice.currency,
        language=invoice.language,
        layout=invoice.layout,
        seller=_seller(organization),
        buyer=_buyer(customer),
        customer_id=customer.id,
        purchase_order=invoice.purchase_order,
        lines=computed.lines,
        allowances=computed.allowances,
        tax_groups=computed.tax_groups,
        totals=computed.totals,
        notes=invoice.notes,
        terms=invoice.terms,
        bank_details=bank_details if any(bank_details.model_dump().values()) else None,
    )
    if len(canonical_json(document)) > DOCUMENT_BYTES_MAX:
        raise DocumentTooLarge("shorten the texts of its lines, notes or terms", pointer="/lines")
    return document


def _seller(organization: Organization) -> Party:
    return Party(
        name=organization.name,
        legal_name=organization.legal_name,
        email=organization.email,
        phone=organization.phone,
        address=Address.model_validate(organization.address),
        tax_id=organization.tax_id,
    )


def _buyer(customer: Customer) -> Party:
    return Party(
        name=customer.name,
        legal_name=customer.legal_name,
        contact_name=customer.contact_name,
        email=customer.email,
        phone=customer.phone,
        address=Address.model_validate(customer.address),
        tax_id=customer.tax_id,
    )
