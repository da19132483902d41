"""The only public route: Stripe's deliveries. It stores and thanks; everything else happens in the worker."""

from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse
from service_kit.clock import Clock
from service_kit.database import Database

from payment_service.actions.receive_webhook import WebhookRefused, receive_webhook
from payment_service.keyring import Keyring


def stripe_webhook_routes(*, database: Database, keyring: Keyring, clock: Clock) -> APIRouter:
    router = APIRouter()

    @router.post("/webhooks/stripe/{endpoint}", include_in_schema=False)
    async def stripe_webhook(
        endpoint: str, request: Request, stripe_signature: Annotated[str, Header()] = ""
    ) -> Response:
        """200 only after the commit. The raw bytes are what was signed, so no parser comes before the check."""
        try:
            await receive_webhook(
                database=database,
                keyring=keyring,
                opaque_id=endpoint,
                body=await request.body(),
                signature=stripe_signature,
                now=clock.now(),
            )
        except WebhookRefused as refusal:
            return JSONResponse({"received": False, "reason": str(refusal)}, status_code=400)
        return JSONResponse({"received": True})

    return router
