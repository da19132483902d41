"""The organisation's own settings: who sends, in which words, numbers and defaults."""

from datetime import datetime
from typing import Annotated, Any, Literal, cast

from contracts.document import Address, BankDetails
from contracts.events.invoice import CollectionMethod
from contracts.ids import OrganizationId
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from service_kit.database import app_now
from service_kit.idempotency import Answer
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.organizations.edit_organization import OrganizationFields, edit_organization
from invoice_service.api.authentication import Caller, needs
from invoice_service.api.parties import AddressBody, BankDetailsBody
from invoice_service.api.request_fields import (
    Currency,
    EmailAddress,
    Language,
    LongText,
    Name,
    Request,
    ShortText,
    TimeZone,
    Whole,
    given,
)
from invoice_service.api.versions import OptionalVersion
from invoice_service.api.writes import Write, answer_of, etag, writing
from invoice_service.dependencies import Parts
from invoice_service.domain.permissions import Permission
from invoice_service.domain.statuses import OverpaymentPolicy
from invoice_service.queries.organizations import get_organization
from invoice_service.tables.organizations import Organization

router = APIRouter(prefix="/v1/settings/organization", tags=["settings"])

Reading = Annotated[Caller, needs(Permission.ORGANIZATION_READ)]
Writing = Annotated[Write, writing(Permission.ORGANIZATION_WRITE)]


class OrganizationChange(Request):
    """Only the fields that are sent are changed."""

    name: Name = Field(default="")
    legal_name: ShortText = ""
    address: AddressBody = AddressBody()
    tax_id: ShortText = ""
    email: EmailAddress = ""
    phone: ShortText = ""
    sender_name: ShortText = ""
    signature: LongText = ""
    time_zone: TimeZone = "UTC"
    default_currency: Currency = "EUR"
    default_collection_method: CollectionMethod = CollectionMethod.MANUAL
    invoice_prefix: Annotated[str, Field(pattern="^[A-Z0-9]{1,10}$")] = "INV"
    payment_terms_days: Annotated[int, Field(ge=0, le=365), Whole] = 14
    bank_details: BankDetailsBody = BankDetailsBody()
    brand_color: Annotated[str, Field(pattern="^(#[0-9a-f]{6})?$")] = ""
    language: Annotated[Language, Field(min_length=2)] = "en"
    overpayment_policy: OverpaymentPolicy = OverpaymentPolicy.ASK


class OrganizationView(BaseModel):
    object: Literal["organization"] = "organization"
    id: OrganizationId
    name: str
    legal_name: str
    address: Address
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
    bank_details: BankDetails
    brand_color: str
    language: str
    overpayment_policy: OverpaymentPolicy
    version: int
    created_at: datetime
    updated_at: datetime


@router.get("", name="get_organization", summary="Read the organisation's settings")
async def read(caller: Reading, parts: Parts, response: Response) -> OrganizationView:
    async with parts.database.transaction(organization_id=caller.organization_id) as session:
        organization = await get_organization(session, organization_id=caller.organization_id)
    response.headers["ETag"] = etag(organization.version)
    return _view(organization)


@router.patch(
    "", name="edit_organization", summary="Change the organisation's settings", response_model=OrganizationView
)
async def edit(body: OrganizationChange, write: Writing, version: OptionalVersion) -> Response:
    async def work(session: AsyncSession) -> Answer:
        organization = await edit_organization(
            session,
            organization_id=write.caller.organization_id,
            fields=_fields(body),
            expected_version=version,
            now=await app_now(session),
        )
        return answer_of(_view(organization), version=organization.version)

    return await write.once(work)


def _view(organization: Organization) -> OrganizationView:
    return OrganizationView.model_validate(organization.model_dump())


def _fields(body: OrganizationChange) -> OrganizationFields:
    fields: dict[str, Any] = given(body)
    for name in ("address", "bank_details"):
        if name in fields:
            fields[name] = fields[name].model_dump()
    return cast(OrganizationFields, fields)
