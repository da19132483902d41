"""The pages a payer sees: a link, a checkout, and what came of it. No script, no cookie, nothing from elsewhere.

`GET /pay/{link}` opens a session for each visit, as a visit to a real payment link does; the form then pays that
session, so a page left open goes on working after its link is switched off.
"""

from typing import Annotated

from fastapi import APIRouter, Form, Query
from starlette.responses import HTMLResponse, RedirectResponse, Response

from stripe_sandbox.pages.views import Views
from stripe_sandbox.payer import LinkInactive, NothingToPay, open_session, pay_link_or_session
from stripe_sandbox.refusals import Refusal
from stripe_sandbox.resources.checkout_sessions import SessionNotOpen
from stripe_sandbox.resources.payments import Payer
from stripe_sandbox.sandbox import Json, Sandbox
from stripe_sandbox.store import Record
from stripe_sandbox.timers import run_due

EMAIL_CHARACTERS_MAX = 254
EmailQuery = Annotated[str, Query(max_length=EMAIL_CHARACTERS_MAX)]


def page_routes(sandbox: Sandbox) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    views = Views(sandbox)

    @routes.get("/")
    async def home() -> HTMLResponse:
        return views.home()

    @routes.get("/pay/{link_id}")
    async def open_link(
        link_id: str,
        prefilled_email: EmailQuery = "",
        locked_prefilled_email: EmailQuery = "",
        client_reference_id: Annotated[str | None, Query(max_length=200)] = None,
    ) -> HTMLResponse:
        """An e-mail that is none is ignored: https://docs.stripe.com/payment-links/customize."""
        email = locked_prefilled_email or prefilled_email
        email = email if "@" in email else ""
        try:
            with sandbox.store.transaction():
                session = open_session(sandbox, link_id, email=email, client_reference_id=client_reference_id)
        except (LinkInactive, NothingToPay) as refusal:
            return views.gone(refusal)
        return views.checkout(session, email=email, locked=bool(locked_prefilled_email and email))

    @routes.get("/c/pay/{session_id}")
    async def show_session(session_id: str) -> HTMLResponse:
        with sandbox.store.transaction():
            run_due(sandbox)
        session = sandbox.store.find(session_id, kind="checkout.session")
        if session is None:
            return views.gone(NothingToPay(session_id))
        return views.checkout(session) if session.body["status"] == "open" else views.ended(session)

    @routes.post("/pay/{object_id}")
    @routes.post("/c/pay/{object_id}")
    async def pay_now(
        object_id: str,
        card: Annotated[str, Form(max_length=40)] = "",
        method: Annotated[str, Form(max_length=40)] = "",
        email: Annotated[str, Form(max_length=EMAIL_CHARACTERS_MAX)] = "",
        name: Annotated[str, Form(max_length=200)] = "",
    ) -> Response:
        """A typed card number wins over the choice beside it."""
        payer = Payer(email=email.strip() or None, name=name.strip() or None)
        try:
            paid = pay_link_or_session(sandbox, object_id, card=card.strip() or method, payer=payer)
        except SessionNotOpen:
            return RedirectResponse(f"/c/pay/{object_id}", status_code=303)
        except Refusal as refusal:
            session = sandbox.store.find(object_id, kind="checkout.session")
            return views.checkout(session, email=email, problem=str(refusal)) if session else views.gone(refusal)
        if paid.decline is not None:
            return views.checkout(paid.session, email=email, problem=paid.decline.message)
        return _after_paying(paid.session)

    return routes


def _after_paying(session: Record) -> RedirectResponse:
    after: Json = session.private["after_completion"]
    if after["type"] == "redirect":
        url = after["redirect"]["url"].replace("{CHECKOUT_SESSION_ID}", session.id)
        return RedirectResponse(url, status_code=303)
    return RedirectResponse(f"/c/pay/{session.id}", status_code=303)
