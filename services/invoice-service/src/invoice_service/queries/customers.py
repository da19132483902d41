"""Customers and templates of one organisation, by id and in pages."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.refusals import CustomerNotFound
from invoice_service.queries.search import customers_that_match
from invoice_service.tables.customers import Customer

Position = tuple[datetime, UUID]


async def get_customer(session: AsyncSession, *, organization_id: UUID, customer_id: UUID) -> Customer:
    """Raises `CustomerNotFound`."""
    return await _one(session, organization_id, customer_id, lock=False)


async def lock_customer(session: AsyncSession, *, organization_id: UUID, customer_id: UUID) -> Customer:
    """Held until the transaction ends; others may still bill it. Raises `CustomerNotFound`."""
    return await _one(session, organization_id, customer_id, lock=True)


async def page_of_customers(
    session: AsyncSession, *, organization_id: UUID, words: tuple[str, ...], after: Position | None, limit: int
) -> list[Customer]:
    """The newest first, from behind ``after``; each of ``words`` begins a word of the customer."""
    statement = select(Customer).where(
        col(Customer.organization_id) == organization_id, col(Customer.archived_at).is_(None)
    )
    for word in words:
        statement = statement.where(col(Customer.id).in_(customers_that_match(organization_id, word)))
    if after is not None:
        statement = statement.where(sa.tuple_(col(Customer.created_at), col(Customer.id)) < after)
    statement = statement.order_by(col(Customer.created_at).desc(), col(Customer.id).desc()).limit(limit)
    return list((await session.exec(statement)).all())


async def names_of_customers(session: AsyncSession, *, organization_id: UUID, ids: set[UUID]) -> dict[UUID, str]:
    statement = select(Customer.id, Customer.name).where(
        col(Customer.organization_id) == organization_id, col(Customer.id).in_(ids)
    )
    return dict((await session.exec(statement)).all())


async def _one(session: AsyncSession, organization_id: UUID, customer_id: UUID, *, lock: bool) -> Customer:
    statement = select(Customer).where(
        col(Customer.organization_id) == organization_id, col(Customer.id) == customer_id
    )
    if lock:
        statement = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    row = (await session.exec(statement)).one_or_none()
    if row is None:
        raise CustomerNotFound("there is no customer with this id; list them with GET /v1/customers")
    return row
