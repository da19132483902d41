"""The pages a payer sees: a link, a checkout, and what came of it. No script, no cookie, nothing from elsewhere.

`GET /pay/{link}` opens a session for each visit, as a visit to a real payment link does; the form then pays that
session, so a page left open goes on working after its link is switched off.
"""

from importlib.resources import files
from typing import Annotated

from fastapi import APIRouter, Form, Query
from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.responses import HTMLResponse, RedirectResponse, Response

from stripe_sandbox.currencies import parts, shown
from stripe_sandbox.instruments import DEBIT_METHODS
from stripe_sandbox.payer import LinkInactive, NothingToPay, open_session, pay_link_or_session
from stripe_sandbox.refusals import Refusal
from stripe_sandbox.resources.checkout_sessions import SessionNotOpen
from stripe_sandbox.resources.payments import Paid, Payer
from stripe_sandbox.sandbox import Json, Sandbox
from stripe_sandbox.store import Record
from stripe_sandbox.timers import run_due

EMAIL_CHARACTERS_MAX = 254
SECURITY = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; form-action *; base-uri 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Robots-Tag": "noindex",
}


class Pages:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        loader = PackageLoader("stripe_sandbox", "pages/templates")
        self.templates = Environment(loader=loader, autoescape=select_autoescape(), trim_blocks=True)
        self.style = (files("stripe_sandbox") / "pages" / "style.css").read_text()

    def render(self, name: str, *, status: int = 200, **values: object) -> HTMLResponse:
        text = self.templates.get_template(name).render(style=self.style, **values)
        return HTMLResponse(text, status_code=status, headers=SECURITY)

    def merchant(self, record: Record) -> str:
        account = self.sandbox.store.find(record.account)
        return str(account.body["business_profile"]["name"]) if account else record.account

    def checkout(self, session: Record, *, email: str = "", locked: bool = False, problem: str = "") -> HTMLResponse:
        body, items = session.body, session.private["line_items"]
        whole, fraction = parts(body["amount_total"], body["currency"])
        rows = [{**item, "shown": shown(item["amount_total"], item["currency"])} for item in items]
        return self.render(
            "checkout.html",
            status=402 if problem else 200,
            session=body,
            items=rows,
            merchant=self.merchant(session),
            code=body["currency"].upper(),
            whole=whole,
            fraction=fraction,
            total=shown(body["amount_total"], body["currency"]),
            debit=DEBIT_METHODS.get(body["currency"]),
            email=email or session.private.get("prefilled_email") or "",
            locked=locked,
            problem=problem,
        )

    def ended(self, session: Record) -> HTMLResponse:
        """A session that is over: paid, on its way, or expired."""
        body = session.body
        whole, fraction = parts(body["amount_total"], body["currency"])
        after = session.private["after_completion"].get("hosted_confirmation") or {}
        return self.render(
            "ended.html",
            status=200 if body["status"] == "complete" else 410,
            session=body,
            merchant=self.merchant(session),
            code=body["currency"].upper(),
            whole=whole,
            fraction=fraction,
            message=after.get("custom_message"),
        )

    def gone(self, refusal: Refusal) -> HTMLResponse:
        title = "This link is closed" if isinstance(refusal, LinkInactive) else "Nothing to pay here"
        return self.render("gone.html", status=refusal.status, title=title, message=str(refusal))

    def after_paying(self, session: Record) -> Response:
        after: Json = session.private["after_completion"]
        if after["type"] == "redirect":
            url = after["redirect"]["url"].replace("{CHECKOUT_SESSION_ID}", session.id)
            return RedirectResponse(url, status_code=303)
        return RedirectResponse(f"/c/pay/{session.id}", status_code=303)


def page_routes(sandbox: Sandbox) -> APIRouter:
    routes = APIRouter(include_in_schema=False)
    pages = Pages(sandbox)

    @routes.get("/")
    async def home() -> HTMLResponse:
        return pages.render("home.html", url=sandbox.settings.public_url, version=sandbox.subset.version)

    @routes.get("/pay/{link_id}")
    async def open_link(
        link_id: str,
        prefilled_email: Annotated[str, Query(max_length=EMAIL_CHARACTERS_MAX)] = "",
        locked_prefilled_email: Annotated[str, Query(max_length=EMAIL_CHARACTERS_MAX)] = "",
        client_reference_id: Annotated[str | None, Query(max_length=200)] = None,
    ) -> HTMLResponse:
        email = locked_prefilled_email or prefilled_email
        email = email if "@" in email else ""
        try:
            with sandbox.store.transaction():
                session = open_session(sandbox, link_id, email=email, client_reference_id=client_reference_id)
        except (LinkInactive, NothingToPay) as refusal:
            return pages.gone(refusal)
        return pages.checkout(session, email=email, locked=bool(locked_prefilled_email and email))

    @routes.get("/c/pay/{session_id}")
    async def show_session(session_id: str) -> HTMLResponse:
        with sandbox.store.transaction():
            run_due(sandbox)
        session = sandbox.store.find(session_id, kind="checkout.session")
        if session is None:
            return pages.gone(NothingToPay(session_id))
        return pages.checkout(session) if session.body["status"] == "open" else pages.ended(session)

    @routes.post("/pay/{object_id}")
    @routes.post("/c/pay/{object_id}")
    async def pay_now(
        object_id: str,
        card: Annotated[str, Form(max_length=40)] = "",
        method: Annotated[str, Form(max_length=40)] = "card",
        email: Annotated[str, Form(max_length=EMAIL_CHARACTERS_MAX)] = "",
        name: Annotated[str, Form(max_length=200)] = "",
    ) -> Response:
        payer = Payer(email=email.strip() or None, name=name.strip() or None)
        try:
            chosen = card if method == "card" else method
            paid: Paid = pay_link_or_session(sandbox, object_id, card=chosen, payer=payer)
        except (LinkInactive, NothingToPay) as refusal:
            return pages.gone(refusal)
        except SessionNotOpen:
            return RedirectResponse(f"/c/pay/{object_id}", status_code=303)
        except Refusal as refusal:
            return _again(object_id, email=email, problem=str(refusal))
        if paid.decline is not None:
            return pages.checkout(paid.session, email=email, problem=paid.decline.message)
        return pages.after_paying(paid.session)

    def _again(object_id: str, *, email: str, problem: str) -> Response:
        session = sandbox.store.find(object_id, kind="checkout.session")
        if session is None:
            return pages.render("gone.html", status=402, title="Not paid", message=problem)
        return pages.checkout(session, email=email, problem=problem)

    return routes
