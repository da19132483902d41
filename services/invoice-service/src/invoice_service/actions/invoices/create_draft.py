"""A new draft: what the request says, else what the template says, else what customer and organisation are used to."""

from datetime import datetime
from typing import Any
from uuid import UUID

from service_kit.identifiers import new_id
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.invoices.draft_fields import DraftFields, DraftSaved, columns_of, compute_totals
from invoice_service.actions.templates.template_content import TemplateContent
from invoice_service.domain.refusals import CustomerNotFound, CustomerUnknown, TemplateNotFound, TemplateUnknown
from invoice_service.queries.customers import get_customer
from invoice_service.queries.organizations import get_organization
from invoice_service.queries.search import index_invoice
from invoice_service.queries.templates import get_template
from invoice_service.tables.customers import Customer
from invoice_service.tables.invoices import Invoice
from invoice_service.tables.organizations import Organization


async def create_draft(
    session: AsyncSession,
    *,
    organization_id: UUID,
    customer_id: UUID,
    template_id: UUID | None,
    fields: DraftFields,
    now: datetime,
) -> DraftSaved:
    """Raises `CustomerUnknown`, `TemplateUnknown`, and what `compute_totals` raises; nothing is stored then."""
    customer = await customer_to_bill(session, organization_id=organization_id, customer_id=customer_id)
    organization = await get_organization(session, organization_id=organization_id)
    content = await _template_content(session, organization_id, template_id)
    columns = {**_usual(organization, customer), **_from_template(content, customer), **columns_of(fields)}
    invoice = Invoice(
        organization_id=organization_id,
        id=new_id(),
        template_id=template_id,
        created_at=now,
        updated_at=now,
        **{**columns, "customer_id": customer.id},
    )
    warnings = await compute_totals(session, invoice=invoice)
    session.add(invoice)
    await session.flush()
    await index_invoice(session, invoice=invoice)
    return DraftSaved(invoice=invoice, warnings=warnings)


async def customer_to_bill(session: AsyncSession, *, organization_id: UUID, customer_id: UUID) -> Customer:
    """Raises `CustomerUnknown` for one of another organisation, and for one that was archived."""
    try:
        customer = await get_customer(session, organization_id=organization_id, customer_id=customer_id)
    except CustomerNotFound as problem:
        raise CustomerUnknown(problem.detail, pointer="/customer_id") from problem
    if customer.archived_at is not None:
        raise CustomerUnknown("this customer is archived; choose another one", pointer="/customer_id")
    return customer


async def _template_content(
    session: AsyncSession, organization_id: UUID, template_id: UUID | None
) -> TemplateContent | None:
    if template_id is None:
        return None
    try:
        template = await get_template(session, organization_id=organization_id, template_id=template_id)
    except TemplateNotFound as problem:
        raise TemplateUnknown(problem.detail, pointer="/template_id") from problem
    return TemplateContent.model_validate(template.content)


def _usual(organization: Organization, customer: Customer) -> dict[str, Any]:
    return {
        "currency": customer.currency or organization.default_currency,
        "language": customer.language or organization.language,
        "payment_terms_days": organization.payment_terms_days,
        "collection_method": organization.default_collection_method,
    }


def _from_template(content: TemplateContent | None, customer: Customer) -> dict[str, Any]:
    if content is None:
        return {}
    columns: dict[str, Any] = content.model_dump(mode="json", exclude={"layout", "currency", "payment_terms_days"})
    columns["layout"] = content.layout
    if content.currency and not customer.currency:
        columns["currency"] = content.currency
    if content.payment_terms_days is not None:
        columns["payment_terms_days"] = content.payment_terms_days
    return columns
