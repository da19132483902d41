"""The only public route: Stripe's deliveries. It stores and thanks; everything else happens in the worker."""

import asyncio
import contextlib
from contextlib import AbstractAsyncContextManager
from typing import Annotated

from fastapi import APIRouter, Header, Request, Response
from fastapi.responses import JSONResponse
from service_kit.client_address import customer_network
from service_kit.clock import Clock
from service_kit.database import Database
from service_kit.errors import TooManyRequests
from service_kit.rate_limits import Policy, RateLimiter

from payment_service.actions.receive_webhook import UnknownEndpoint, WebhookRefused, receive_webhook
from payment_service.keyring import Keyring

UNVERIFIED = Policy(name="unverified-webhooks", quota=60, window_seconds=60)
_DOUBTED_AT_ONCE = 2


def stripe_webhook_routes(*, database: Database, keyring: Keyring, clock: Clock) -> APIRouter:
    router = APIRouter()
    doubts = _Doubts()

    @router.post("/webhooks/stripe/{endpoint}", include_in_schema=False)
    async def stripe_webhook(
        endpoint: str, request: Request, stripe_signature: Annotated[str, Header()] = ""
    ) -> Response:
        """200 only after the commit. The raw bytes are what was signed, so no parser comes before the check."""
        client = customer_network(request.state.client_address)
        try:
            async with await doubts.way_in(client=client, signature=stripe_signature):
                await receive_webhook(
                    database=database,
                    keyring=keyring,
                    opaque_id=endpoint,
                    body=await request.body(),
                    signature=stripe_signature,
                    now=clock.now(),
                )
        except (UnknownEndpoint, WebhookRefused) as refusal:
            request.state.rate_limit = await doubts.limiter.hit(policy=UNVERIFIED, key=client)
            if isinstance(refusal, UnknownEndpoint):
                raise
            return JSONResponse({"received": False, "reason": str(refusal)}, status_code=400)
        return JSONResponse({"received": True})

    return router


class _Doubts:
    """Counts per client what Stripe did not sign. What it did sign is never refused, whoever else shares the address:
    once a client has spent its quota, what cannot be signed ends here, and the rest is checked a few at a time, so that
    a flood of forged signatures leaves the database to the others."""

    def __init__(self) -> None:
        self.limiter = RateLimiter()
        self._narrow = asyncio.Semaphore(_DOUBTED_AT_ONCE)

    async def way_in(self, *, client: str, signature: str) -> AbstractAsyncContextManager[object]:
        """Raises `TooManyRequests`."""
        try:
            await self.limiter.require(policy=UNVERIFIED, key=client)
        except TooManyRequests:
            if "v1=" not in signature:
                raise
            return self._narrow
        return contextlib.nullcontext()
