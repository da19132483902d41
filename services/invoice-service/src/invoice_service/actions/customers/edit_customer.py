"""Changes of a customer. Documents that were sent keep what they said: they hold their own copy."""

from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.customers.customer_fields import CustomerFields, columns_of
from invoice_service.domain.refusals import check_version
from invoice_service.queries.customers import lock_customer
from invoice_service.queries.search import index_customer
from invoice_service.tables.customers import Customer


async def edit_customer(
    session: AsyncSession,
    *,
    organization_id: UUID,
    customer_id: UUID,
    fields: CustomerFields,
    expected_version: int | None,
    now: datetime,
) -> Customer:
    """Raises `CustomerNotFound`, or `VersionStale` when another version than the expected one is there."""
    customer = await lock_customer(session, organization_id=organization_id, customer_id=customer_id)
    check_version(current=customer.version, expected=expected_version)
    for name, value in columns_of(fields).items():
        setattr(customer, name, value)
    customer.version += 1
    customer.updated_at = now
    await session.flush()
    await index_customer(session, customer=customer)
    return customer


async def archive_customer(
    session: AsyncSession, *, organization_id: UUID, customer_id: UUID, now: datetime
) -> Customer:
    """Leaves the list and cannot be billed any more; invoices keep it. Safe to repeat. Raises `CustomerNotFound`."""
    customer = await lock_customer(session, organization_id=organization_id, customer_id=customer_id)
    if customer.archived_at is None:
        customer.archived_at = now
        customer.version += 1
        customer.updated_at = now
        await session.flush()
    return customer
