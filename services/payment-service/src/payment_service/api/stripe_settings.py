"""The private routes: invoice-service sets an organisation's Stripe key and looks at the connection, nobody else."""

from typing import Annotated, Any, ClassVar
from uuid import UUID

from contracts.catalogue import Service
from contracts.ids import OrganizationId
from fastapi import APIRouter, Depends, Header
from pydantic import BaseModel, ConfigDict, SecretStr
from service_kit import correlation
from service_kit.clock import Clock
from service_kit.database import Database
from service_kit.errors import DomainError, ErrorKind, Unauthenticated
from service_kit.service_tokens import ServiceCaller, verify

from payment_service.actions.connect_account import connect_account
from payment_service.actions.describe_connection import read_picture
from payment_service.stripe_setup import StripeSetup

_CALLERS = frozenset({Service.INVOICE.value})


class OtherOrganization(DomainError):
    slug: ClassVar[str] = "other-organization"
    kind: ClassVar[ErrorKind] = ErrorKind.FORBIDDEN
    title: ClassVar[str] = "The token is for another organisation"


class SecretKeyInput(BaseModel):
    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    secret_key: SecretStr


def stripe_settings_routes(
    *, database: Database, setup: StripeSetup, service_token_secret: str, clock: Clock
) -> APIRouter:
    router = APIRouter(prefix="/internal/organizations/{organization_id}/stripe")

    async def caller(organization_id: OrganizationId, authorization: Annotated[str, Header()] = "") -> ServiceCaller:
        scheme, _, token = authorization.partition(" ")
        if scheme.lower() != "bearer":
            raise Unauthenticated("a service token is needed: Authorization: Bearer …")
        known = verify(token, secret=service_token_secret, audience=Service.PAYMENT, issuers=_CALLERS, now=clock.now())
        if known.organization_id != organization_id:
            raise OtherOrganization("ask with a token for this organisation")
        return known

    @router.put("/secret-key")
    async def set_secret_key(
        organization_id: OrganizationId, given: SecretKeyInput, known: Annotated[ServiceCaller, Depends(caller)]
    ) -> dict[str, Any]:
        """The key is checked with Stripe before it is accepted; the answer is the picture, never the key."""
        with correlation.bound(_acting(known)):
            picture = await connect_account(
                database=database,
                setup=setup,
                organization_id=organization_id,
                secret_key=given.secret_key.get_secret_value(),
            )
        return picture.model_dump(mode="json")

    @router.get("", dependencies=[Depends(caller)])
    async def show_connection(organization_id: OrganizationId) -> dict[str, Any]:
        return await _picture(database, setup, organization_id)

    @router.get("/secret-key", dependencies=[Depends(caller)])
    async def show_connection_of_key(organization_id: OrganizationId) -> dict[str, Any]:
        return await _picture(database, setup, organization_id)

    return router


async def _picture(database: Database, setup: StripeSetup, organization_id: UUID) -> dict[str, Any]:
    async with database.transaction(organization_id=organization_id) as session:
        picture = await read_picture(session, organization_id=organization_id, sandbox=setup.sandbox)
    return picture.model_dump(mode="json")


def _acting(known: ServiceCaller) -> correlation.Correlation:
    now = correlation.current()
    return correlation.Correlation(now.correlation_id, now.causation_id, now.traceparent, known.actor)
