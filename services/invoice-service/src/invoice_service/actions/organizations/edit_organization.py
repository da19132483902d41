"""Changes of an organisation's own settings; drafts made afterwards start from them, sent invoices stay as they are."""

from datetime import datetime
from typing import Any, TypedDict
from uuid import UUID

from contracts.events.invoice import CollectionMethod
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.refusals import check_version
from invoice_service.domain.statuses import OverpaymentPolicy
from invoice_service.queries.organizations import lock_organization
from invoice_service.tables.organizations import Organization


class OrganizationFields(TypedDict, total=False):
    name: str
    legal_name: str
    address: dict[str, Any]
    tax_id: str
    email: str
    phone: str
    sender_name: str
    signature: str
    time_zone: str
    default_currency: str
    default_collection_method: CollectionMethod
    invoice_prefix: str
    payment_terms_days: int
    bank_details: dict[str, Any]
    brand_color: str
    language: str
    overpayment_policy: OverpaymentPolicy


async def edit_organization(
    session: AsyncSession,
    *,
    organization_id: UUID,
    fields: OrganizationFields,
    expected_version: int | None,
    now: datetime,
) -> Organization:
    """Raises `VersionStale` when another version than the expected one is there."""
    organization = await lock_organization(session, organization_id=organization_id)
    check_version(current=organization.version, expected=expected_version)
    for name, value in fields.items():
        setattr(organization, name, value)
    organization.version += 1
    organization.updated_at = now
    await session.flush()
    return organization
