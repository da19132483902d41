"""Customers: list, make, read, change, archive."""

from datetime import datetime
from typing import Annotated, Any, Literal, cast

from contracts.document import Address
from contracts.ids import CustomerId
from fastapi import APIRouter, Query, Response
from fastapi import Request as HttpRequest
from pydantic import BaseModel, Field
from service_kit.database import app_now
from service_kit.idempotency import Answer
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.customers.create_customer import create_customer
from invoice_service.actions.customers.customer_fields import CustomerFields
from invoice_service.actions.customers.edit_customer import archive_customer, edit_customer
from invoice_service.api.authentication import Caller, needs
from invoice_service.api.cursors import Cursor, CursorMaker, PageSize, context_of, link_to_next
from invoice_service.api.parties import AddressBody
from invoice_service.api.request_fields import (
    EmailAddress,
    Language,
    LongText,
    Metadata,
    Name,
    OptionalCurrency,
    Request,
    ShortText,
    given,
)
from invoice_service.api.versions import OptionalVersion
from invoice_service.api.writes import Write, answer_of, etag, writing
from invoice_service.dependencies import Parts
from invoice_service.domain.list_order import CustomerOrder
from invoice_service.domain.permissions import Permission
from invoice_service.domain.search_words import words_to_find
from invoice_service.queries.customers import CustomerFilters, get_customer, page_of_customers
from invoice_service.tables.customers import Customer

router = APIRouter(prefix="/v1/customers", tags=["customers"])

Reading = Annotated[Caller, needs(Permission.CUSTOMERS_READ)]
Writing = Annotated[Write, writing(Permission.CUSTOMERS_WRITE)]

Order = Annotated[CustomerOrder, Query(description="A leading `-` turns the order round.")]
SearchText = Annotated[str, Query(max_length=200, description="Beginnings of words; all of them must fit.")]


class CustomerChange(Request):
    """Only the fields that are sent are changed."""

    name: Name = Field(default="")
    legal_name: ShortText = ""
    contact_name: ShortText = ""
    email: EmailAddress = ""
    phone: ShortText = ""
    address: AddressBody = AddressBody()
    tax_id: ShortText = ""
    language: Language = ""
    currency: OptionalCurrency = ""
    notes: LongText = ""
    metadata: Metadata = Field(default_factory=dict)


class NewCustomer(CustomerChange):
    name: Name


class CustomerView(BaseModel):
    object: Literal["customer"] = "customer"
    id: CustomerId
    name: str
    legal_name: str
    contact_name: str
    email: str
    phone: str
    address: Address
    tax_id: str
    language: str
    currency: str
    notes: str
    metadata: dict[str, str]
    archived_at: datetime | None
    version: int
    created_at: datetime
    updated_at: datetime


class CustomerPage(BaseModel):
    object: Literal["list"] = "list"
    data: list[CustomerView]
    has_more: bool
    next_cursor: str | None


@router.get("", name="list_customers", summary="List customers, the newest first")
async def list_customers(
    caller: Reading,
    parts: Parts,
    request: HttpRequest,
    response: Response,
    q: SearchText = "",
    sort: Order = CustomerOrder.NEWEST,
    limit: PageSize = 25,
    cursor: Cursor = None,
) -> CustomerPage:
    """Archived customers are not listed. Names are compared without regard to case and accents."""
    filters = CustomerFilters(caller.organization_id, words=words_to_find(q), order=sort)
    cursors = CursorMaker(
        parts.pages.secret, context_of("customers", caller.organization_id, words=filters.words, sort=sort)
    )
    after = cursors.read(cursor)
    async with parts.database.transaction(organization_id=caller.organization_id) as session:
        rows = await page_of_customers(session, filters=filters, after=after, limit=limit + 1)
    more = len(rows) > limit
    next_cursor = cursors.write(rows[limit - 1].place) if more else None
    link_to_next(request, response, cursor=next_cursor)
    return CustomerPage(
        data=[customer_view(row.customer) for row in rows[:limit]], has_more=more, next_cursor=next_cursor
    )


@router.post("", name="create_customer", summary="Make a customer", status_code=201, response_model=CustomerView)
async def create(body: NewCustomer, write: Writing) -> Response:
    async def work(session: AsyncSession) -> Answer:
        customer = await create_customer(
            session,
            organization_id=write.caller.organization_id,
            fields=_fields(body),
            now=await app_now(session),
        )
        return answer_of(customer_view(customer), status=201, version=customer.version)

    return await write.once(work)


@router.get("/{customer_id}", name="get_customer", summary="Read one customer")
async def read(customer_id: CustomerId, caller: Reading, parts: Parts, response: Response) -> CustomerView:
    async with parts.database.transaction(organization_id=caller.organization_id) as session:
        customer = await get_customer(session, organization_id=caller.organization_id, customer_id=customer_id)
    response.headers["ETag"] = etag(customer.version)
    return customer_view(customer)


@router.patch("/{customer_id}", name="edit_customer", summary="Change a customer", response_model=CustomerView)
async def edit(customer_id: CustomerId, body: CustomerChange, write: Writing, version: OptionalVersion) -> Response:
    async def work(session: AsyncSession) -> Answer:
        customer = await edit_customer(
            session,
            organization_id=write.caller.organization_id,
            customer_id=customer_id,
            fields=_fields(body),
            expected_version=version,
            now=await app_now(session),
        )
        return answer_of(customer_view(customer), version=customer.version)

    return await write.once(work)


@router.delete("/{customer_id}", name="archive_customer", summary="Archive a customer", status_code=204)
async def archive(customer_id: CustomerId, write: Writing) -> Response:
    async def work(session: AsyncSession) -> Answer:
        await archive_customer(
            session,
            organization_id=write.caller.organization_id,
            customer_id=customer_id,
            now=await app_now(session),
        )
        return Answer(status=204)

    return await write.once(work)


def customer_view(customer: Customer) -> CustomerView:
    return CustomerView.model_validate({**customer.model_dump(), "metadata": customer.metadata_})


def _fields(body: CustomerChange) -> CustomerFields:
    fields: dict[str, Any] = given(body)
    if "address" in fields:
        fields["address"] = body.address.model_dump()
    return cast(CustomerFields, fields)
