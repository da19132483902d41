"""How an invoice is shown: its five axes and the one headline, its figures, its money, its mails."""

from collections.abc import Sequence
from datetime import date, datetime
from typing import Literal
from uuid import UUID

from contracts.document import DocumentType, InvoiceDocument, Layout, TaxCategory
from contracts.events.invoice import CollectionMethod, MailKind
from contracts.ids import CustomerId, DocumentId, InvoiceId, LedgerEntryId, MailId, PaymentId, TemplateId
from pydantic import BaseModel
from service_kit.database import app_now
from service_kit.idempotency import Answer
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.api.draft_bodies import AllowanceView, LineView, allowance_view, line_view
from invoice_service.api.writes import answer_of
from invoice_service.domain.drafting import ComputedDocument, DraftAllowance, DraftLine, compute_document
from invoice_service.domain.headline import Headline
from invoice_service.domain.page_token import PageAddresses
from invoice_service.domain.statuses import (
    DeliveryState,
    DocumentState,
    DocumentStatus,
    EntryKind,
    LinkStatus,
    PaymentStatus,
)
from invoice_service.queries.invoice_details import InvoiceDetail, InvoiceInList, invoice_detail
from invoice_service.tables.invoices import Invoice
from invoice_service.tables.ledger import LedgerEntry
from invoice_service.tables.pictures import Delivery


class CustomerMark(BaseModel):
    id: CustomerId
    name: str


class InvoiceSummary(BaseModel):
    object: Literal["invoice"] = "invoice"
    id: InvoiceId
    number: str | None
    title: str
    customer: CustomerMark
    headline: Headline
    document_status: DocumentStatus
    collection_method: CollectionMethod
    payment_status: PaymentStatus
    overdue: bool
    currency: str
    total_minor: int
    due_minor: int
    issue_date: date | None
    due_date: date | None
    created_at: datetime
    updated_at: datetime


class LinkView(BaseModel):
    """`url` is the page at Stripe; `sandbox` means that no money moves there."""

    status: LinkStatus
    attempt: int
    url: str
    sandbox: bool
    failure_code: str
    failure_message: str


class DocumentView(BaseModel):
    status: DocumentStatus
    type: DocumentType
    file_state: DocumentState
    file_id: DocumentId | None
    sha256: str | None
    """Of the frozen content, as it travels in events."""


class TaxGroupView(BaseModel):
    category: TaxCategory
    rate: str
    name: str
    taxable_minor: int
    tax_minor: int


class TotalsView(BaseModel):
    lines_minor: int
    allowances_minor: int
    net_minor: int
    tax_minor: int
    total_minor: int


class BalanceView(BaseModel):
    """`received = applied + credit + suspense`; suspense waits for a decision."""

    total_minor: int
    received_minor: int
    applied_minor: int
    suspense_minor: int
    due_minor: int


class PaymentView(BaseModel):
    """`id` names a payment that was recorded by hand; money that came through Stripe has none."""

    id: PaymentId | None
    entry_id: LedgerEntryId
    kind: EntryKind
    amount_minor: int
    applied_minor: int
    suspense_minor: int
    currency: str
    occurred_at: datetime
    recorded_at: datetime
    actor: str
    note: str
    reversed: bool


class DeliveryView(BaseModel):
    mail_id: MailId
    recipient: str
    kind: MailKind
    state: DeliveryState
    reason: str
    duplicate_possible: bool
    updated_at: datetime


class InvoiceView(InvoiceSummary):
    template_id: TemplateId | None
    document: DocumentView
    link: LinkView
    language: str
    layout: Layout
    payment_terms_days: int
    purchase_order: str
    lines: list[LineView]
    allowances: list[AllowanceView]
    tax_groups: list[TaxGroupView]
    totals: TotalsView
    notes: str
    terms: str
    message: str
    metadata: dict[str, str]
    recipients: dict[str, list[str]]
    balance: BalanceView | None
    payments: list[PaymentView]
    deliveries: list[DeliveryView]
    issued_at: datetime | None
    first_viewed_at: datetime | None
    voided_at: datetime | None
    void_reason: str
    replaces: InvoiceId | None
    replaced_by: InvoiceId | None
    page_url: str | None
    version: int
    warnings: list[str]


async def detail_answer(
    session: AsyncSession,
    *,
    pages: PageAddresses,
    organization_id: UUID,
    invoice_id: UUID,
    status: int = 200,
    warnings: Sequence[str] = (),
) -> Answer:
    """The invoice as the session's transaction sees it, with its version as the ETag. Raises `InvoiceNotFound`."""
    await session.flush()
    now = await app_now(session)
    detail = await invoice_detail(session, organization_id=organization_id, invoice_id=invoice_id, now=now)
    view = invoice_view(detail, pages=pages, warnings=warnings)
    return answer_of(view, status=status, version=view.version)


def invoice_summary(row: InvoiceInList) -> InvoiceSummary:
    invoice = row.invoice
    return InvoiceSummary(
        id=invoice.id,
        number=invoice.number,
        title=invoice.title,
        customer=CustomerMark(id=invoice.customer_id, name=row.customer_name),
        headline=row.headline,
        document_status=invoice.document_status,
        collection_method=invoice.collection_method,
        payment_status=row.payment_status,
        overdue=row.overdue,
        currency=invoice.currency,
        total_minor=invoice.total_minor,
        due_minor=row.due_minor,
        issue_date=invoice.issue_date,
        due_date=invoice.due_date,
        created_at=invoice.created_at,
        updated_at=invoice.updated_at,
    )


def invoice_view(detail: InvoiceDetail, *, pages: PageAddresses, warnings: Sequence[str] = ()) -> InvoiceView:
    invoice = detail.row.invoice
    figures = _figures(invoice)
    balance = detail.row.balance
    return InvoiceView(
        **invoice_summary(detail.row).model_dump(exclude={"customer"}),
        customer=CustomerMark(id=detail.customer.id, name=detail.customer.name),
        template_id=invoice.template_id,
        document=_document(detail),
        link=_link(invoice),
        language=invoice.language,
        layout=invoice.layout,
        payment_terms_days=invoice.payment_terms_days,
        purchase_order=invoice.purchase_order,
        lines=_lines(invoice, figures),
        allowances=[allowance_view(DraftAllowance.model_validate(row)) for row in invoice.allowances],
        tax_groups=_tax_groups(figures),
        totals=_totals(figures),
        notes=invoice.notes,
        terms=invoice.terms,
        message=invoice.message,
        metadata=invoice.metadata_,
        recipients=invoice.recipients,
        balance=BalanceView.model_validate(balance, from_attributes=True) if balance else None,
        payments=[_payment(entry, detail.entries) for entry in detail.entries if _is_payment(entry)],
        deliveries=[_delivery(row) for row in detail.deliveries],
        issued_at=invoice.issued_at,
        first_viewed_at=invoice.first_viewed_at,
        voided_at=invoice.voided_at,
        void_reason=invoice.void_reason,
        replaces=invoice.replaces,
        replaced_by=invoice.replaced_by,
        page_url=_page_url(invoice, pages),
        version=invoice.version,
        warnings=list(warnings),
    )


Figures = ComputedDocument | InvoiceDocument


def _figures(invoice: Invoice) -> Figures:
    """What was frozen once it is issued; a draft is computed as it stands."""
    if invoice.snapshot is not None:
        return InvoiceDocument.model_validate(invoice.snapshot)
    return compute_document(
        currency=invoice.currency,
        lines=[DraftLine.model_validate(row) for row in invoice.lines],
        allowances=[DraftAllowance.model_validate(row) for row in invoice.allowances],
    )


def _lines(invoice: Invoice, figures: Figures) -> list[LineView]:
    return [
        line_view(DraftLine.model_validate(row), net_amount_minor=computed.net_amount_minor)
        for row, computed in zip(invoice.lines, figures.lines, strict=True)
    ]


def _tax_groups(figures: Figures) -> list[TaxGroupView]:
    return [
        TaxGroupView(
            category=group.category,
            rate=f"{group.rate.normalize():f}",
            name=group.name,
            taxable_minor=group.taxable_minor,
            tax_minor=group.tax_minor,
        )
        for group in figures.tax_groups
    ]


def _totals(figures: Figures) -> TotalsView:
    totals = figures.totals
    return TotalsView(
        lines_minor=totals.lines_minor,
        allowances_minor=totals.allowances_minor,
        net_minor=totals.net_minor,
        tax_minor=totals.tax_minor,
        total_minor=totals.payable_minor,
    )


def _document(detail: InvoiceDetail) -> DocumentView:
    invoice = detail.row.invoice
    return DocumentView(
        status=invoice.document_status,
        type=invoice.document_type,
        file_state=invoice.document_state,
        file_id=detail.document_id,
        sha256=invoice.snapshot_sha256,
    )


def _link(invoice: Invoice) -> LinkView:
    return LinkView(
        status=invoice.link_status,
        attempt=invoice.link_attempt,
        url=invoice.link_url if invoice.link_status is LinkStatus.ACTIVE else "",
        sandbox=invoice.link_sandbox,
        failure_code=invoice.link_failure_code,
        failure_message=invoice.link_failure_message,
    )


def _is_payment(entry: LedgerEntry) -> bool:
    return entry.received_minor != 0 and entry.kind is not EntryKind.MANUAL_REVERSAL


def _payment(entry: LedgerEntry, entries: Sequence[LedgerEntry]) -> PaymentView:
    return PaymentView(
        id=entry.payment_id,
        entry_id=entry.id,
        kind=entry.kind,
        amount_minor=entry.received_minor,
        applied_minor=entry.applied_minor,
        suspense_minor=entry.suspense_minor,
        currency=entry.currency,
        occurred_at=entry.occurred_at,
        recorded_at=entry.recorded_at,
        actor=entry.actor,
        note=entry.note,
        reversed=any(other.reverses_id == entry.id for other in entries),
    )


def _delivery(row: Delivery) -> DeliveryView:
    return DeliveryView.model_validate(row, from_attributes=True)


def _page_url(invoice: Invoice, pages: PageAddresses) -> str | None:
    if invoice.number is None:
        return None
    return pages.address_of(
        organization_id=invoice.organization_id, invoice_id=invoice.id, generation=invoice.page_generation
    )
