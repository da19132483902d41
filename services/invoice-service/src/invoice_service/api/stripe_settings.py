"""System Configurations, Stripe: our own picture of the connection, and the secret key handed straight on."""

from datetime import datetime
from typing import Annotated, Literal

from contracts.events.payment import ConnectionStatus, StripeConnectionChanged, StripeMode
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field, SecretStr
from service_kit.idempotency import Answer
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.stripe.apply_connection import apply_connection
from invoice_service.api.authentication import Caller, needs
from invoice_service.api.request_fields import Request
from invoice_service.api.writes import Write, answer_of, writing
from invoice_service.dependencies import Dependencies, Parts
from invoice_service.domain.permissions import Permission
from invoice_service.payment_gateway import PaymentGateway
from invoice_service.queries.receivables import find_connection
from invoice_service.tables.pictures import StripeConnection

router = APIRouter(prefix="/v1/settings/stripe", tags=["settings"])

Reading = Annotated[Caller, needs(Permission.ORGANIZATION_READ)]
Writing = Annotated[Write, writing(Permission.STRIPE_WRITE)]


class SecretKeyBody(Request):
    """The key is checked with Stripe, sealed by the payment service, and never shown again."""

    secret_key: Annotated[SecretStr, Field(max_length=255)]


class StripeView(BaseModel):
    """`status` is `not_connected`, `ready`, or `attention` with `problem`. `sandbox` means that no money moves."""

    object: Literal["stripe_connection"] = "stripe_connection"
    status: ConnectionStatus
    account_id: str = ""
    account_name: str = ""
    country: str = ""
    default_currency: str = ""
    mode: StripeMode | None = None
    sandbox: bool = False
    key_kind: str = ""
    key_last4: str = ""
    webhook_status: str = ""
    problem_code: str = ""
    problem: str = ""
    updated_at: datetime | None = None


@router.get("", name="get_stripe_settings", summary="How the connection to Stripe stands")
async def show(caller: Reading, parts: Parts) -> StripeView:
    async with parts.database.transaction(organization_id=caller.organization_id) as session:
        connection = await find_connection(session, organization_id=caller.organization_id)
    return _view(connection) if connection else StripeView(status=ConnectionStatus.NOT_CONNECTED)


@router.put(
    "/secret-key",
    name="set_stripe_secret_key",
    summary="Check a secret key with Stripe and keep it",
    response_model=StripeView,
)
async def set_secret_key(body: SecretKeyBody, write: Writing) -> Response:
    """Setting the same key again is safe, with or without an `Idempotency-Key`."""

    async def call() -> StripeConnectionChanged:
        return await _gateway(write.parts).set_secret_key(
            organization_id=write.caller.organization_id,
            secret_key=body.secret_key.get_secret_value(),
            actor=write.caller.actor,
        )

    async def work(session: AsyncSession, picture: StripeConnectionChanged) -> Answer:
        await apply_connection(session, picture=picture)
        write.noted.update(account_id=picture.account_id, mode=picture.mode, key_last4=picture.key_last4)
        return answer_of(_view(picture))

    return await write.once_outside(call, work)


def _gateway(parts: Dependencies) -> PaymentGateway:
    return PaymentGateway(
        base_url=parts.payment_service_url, token_secret=parts.payment_token_secret, clock=parts.clock
    )


def _view(picture: StripeConnection | StripeConnectionChanged) -> StripeView:
    return StripeView.model_validate(picture, from_attributes=True)
