"""Customers and templates of one organisation, by id and in pages."""

from dataclasses import dataclass
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.list_order import CustomerOrder, Place, is_descending
from invoice_service.domain.refusals import CustomerNotFound
from invoice_service.queries.search import customers_that_match
from invoice_service.tables.customers import Customer

_SORT_NAME = sa.literal_column("customers.sort_name", sa.Text())
"""Made by the database from the name, in small letters and without accents; it has an index that row security keeps."""


@dataclass(frozen=True)
class CustomerFilters:
    """Each of ``words`` begins a word of the customer."""

    organization_id: UUID
    words: tuple[str, ...] = ()
    order: CustomerOrder = CustomerOrder.NEWEST


@dataclass(frozen=True)
class CustomerInList:
    """``place`` is where it stands in the order that was asked for."""

    customer: Customer
    place: Place


async def get_customer(session: AsyncSession, *, organization_id: UUID, customer_id: UUID) -> Customer:
    """Raises `CustomerNotFound`."""
    return await _one(session, organization_id, customer_id, lock=False)


async def lock_customer(session: AsyncSession, *, organization_id: UUID, customer_id: UUID) -> Customer:
    """Held until the transaction ends; others may still bill it. Raises `CustomerNotFound`."""
    return await _one(session, organization_id, customer_id, lock=True)


async def page_of_customers(
    session: AsyncSession, *, filters: CustomerFilters, after: Place | None, limit: int
) -> list[CustomerInList]:
    """Customers that are not archived, from behind ``after``."""
    by_name = filters.order in (CustomerOrder.NAME, CustomerOrder.NAME_BACKWARDS)
    value: sa.SQLColumnExpression[Any] = _SORT_NAME if by_name else col(Customer.created_at)
    row_id = col(Customer.id)
    statement = select(Customer, value).where(
        col(Customer.organization_id) == filters.organization_id, col(Customer.archived_at).is_(None)
    )
    for word in filters.words:
        statement = statement.where(row_id.in_(customers_that_match(filters.organization_id, word)))
    place = sa.tuple_(value, row_id)
    if is_descending(filters.order):
        statement = statement.order_by(value.desc(), row_id.desc())
        statement = statement if after is None else statement.where(place < after)
    else:
        statement = statement.order_by(value, row_id)
        statement = statement if after is None else statement.where(place > after)
    found = await session.exec(statement.limit(limit))
    return [CustomerInList(customer, (at, customer.id)) for customer, at in found]


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
