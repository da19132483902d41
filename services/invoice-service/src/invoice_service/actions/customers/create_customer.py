"""A new customer, findable from the moment it exists."""

from datetime import datetime
from uuid import UUID

from service_kit.identifiers import new_id
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.customers.customer_fields import CustomerFields, columns_of
from invoice_service.queries.search import index_customer
from invoice_service.tables.customers import Customer


async def create_customer(
    session: AsyncSession, *, organization_id: UUID, fields: CustomerFields, now: datetime
) -> Customer:
    """``fields`` has at least a name."""
    customer = Customer(
        organization_id=organization_id, id=new_id(), created_at=now, updated_at=now, **columns_of(fields)
    )
    session.add(customer)
    await session.flush()
    await index_customer(session, customer=customer)
    return customer
