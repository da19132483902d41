"""Builds the whole program from its settings: API, pages, control routes, and the two loops behind them."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import cast

from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import JSONResponse

from stripe_sandbox.api import Api
from stripe_sandbox.control import control_routes
from stripe_sandbox.deliveries import deliver_forever
from stripe_sandbox.pages.routes import page_routes
from stripe_sandbox.refusals import Refusal
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import Settings
from stripe_sandbox.timers import run_due

TICK_SECONDS = 1.0


async def _tick_forever(sandbox: Sandbox) -> None:
    while True:
        with sandbox.store.transaction():
            run_due(sandbox)
        await asyncio.sleep(TICK_SECONDS)


async def _refused(_request: Request, refusal: Exception) -> JSONResponse:
    known = cast(Refusal, refusal)
    return JSONResponse(known.body(), status_code=known.status)


def create_app(settings: Settings) -> FastAPI:
    """The `Sandbox` is at `app.state.sandbox`. Deliveries run only inside the app's lifespan."""
    sandbox = Sandbox(settings)

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        loops = [asyncio.create_task(deliver_forever(sandbox)), asyncio.create_task(_tick_forever(sandbox))]
        try:
            yield
        finally:
            for loop in loops:
                loop.cancel()
            for loop in loops:
                with suppress(asyncio.CancelledError):
                    await loop
            sandbox.store.close()

    app = FastAPI(title="Stripe sandbox", lifespan=lifespan, docs_url=None, redoc_url=None)
    app.state.sandbox = sandbox
    app.add_exception_handler(Refusal, _refused)
    app.include_router(control_routes(sandbox))
    app.include_router(page_routes(sandbox))
    app.mount("/v1", Api(sandbox))
    return app
