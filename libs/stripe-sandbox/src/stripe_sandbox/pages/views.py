"""Turns a session into what its page says: one figure, one state in words, and the lines it is for."""

from dataclasses import dataclass
from importlib.resources import files

from jinja2 import Environment, PackageLoader, select_autoescape
from starlette.responses import HTMLResponse

from stripe_sandbox.currencies import parts, shown
from stripe_sandbox.instruments import DEBIT_METHODS
from stripe_sandbox.payer import LinkInactive
from stripe_sandbox.refusals import Refusal
from stripe_sandbox.sandbox import Json, Sandbox
from stripe_sandbox.store import Record

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; style-src 'unsafe-inline'; base-uri 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "Cache-Control": "no-store",
    "X-Content-Type-Options": "nosniff",
}


@dataclass(frozen=True)
class Ending:
    state: str
    pill: str
    sentence: str
    status: int = 200


PAID = Ending("paid", "Paid", "Paid in full. Thank you.")
PROCESSING = Ending(
    "processing",
    "On its way",
    "Your bank debit has started. Banks usually need a few working days. There is nothing to do.",
)
FAILED = Ending("failed", "Not paid", "The bank did not pay the debit. Ask the sender for a new link.")
EXPIRED = Ending("expired", "Expired", "This checkout has expired. Open the link again to start a new one.", 410)


class Views:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        loader = PackageLoader("stripe_sandbox", "pages/templates")
        self.templates = Environment(loader=loader, autoescape=select_autoescape(), trim_blocks=True)
        self.style = (files("stripe_sandbox") / "pages" / "style.css").read_text()

    def home(self) -> HTMLResponse:
        links = self.sandbox.store.select(kind="payment_link", where="json_extract(body, '$.active')")
        intents = self.sandbox.store.select(
            kind="payment_intent", where="json_extract(body, '$.status') = ?", values=("succeeded",)
        )
        version, url = self.sandbox.subset.version, self.sandbox.settings.public_url
        return self._render("home.html", links=len(links), payments=len(intents), url=url, version=version)

    def checkout(self, session: Record, *, email: str = "", locked: bool = False, problem: str = "") -> HTMLResponse:
        return self._render(
            "checkout.html",
            status=402 if problem else 200,
            debit=DEBIT_METHODS.get(session.body["currency"]),
            email=email or session.private["prefilled_email"] or "",
            locked=locked,
            problem=problem,
            **self._session(session),
        )

    def ended(self, session: Record) -> HTMLResponse:
        """A session that is over: paid, on its way, failed or expired."""
        ending = self._ending(session)
        after = session.private["after_completion"].get("hosted_confirmation") or {}
        return self._render(
            "ended.html",
            status=ending.status,
            state=ending.state,
            pill=ending.pill,
            sentence=ending.sentence,
            message=after.get("custom_message"),
            **self._session(session),
        )

    def gone(self, refusal: Refusal) -> HTMLResponse:
        closed = isinstance(refusal, LinkInactive)
        return self._render(
            "gone.html",
            status=refusal.status,
            title="This link is closed" if closed else "Nothing to pay here",
            pill="Closed" if closed else "Not found" if refusal.status == 404 else "Not paid",
            message=str(refusal),
            next_step="It cannot be paid any more." if closed else "Check the address, or open the link again.",
        )

    def _ending(self, session: Record) -> Ending:
        if session.body["status"] == "expired":
            return EXPIRED
        if session.body["payment_status"] == "paid":
            return PAID
        intent = self.sandbox.store.find(session.body["payment_intent"] or "")
        return PROCESSING if intent and intent.body["status"] == "processing" else FAILED

    def _session(self, session: Record) -> Json:
        body = session.body
        whole, fraction = parts(body["amount_total"], body["currency"])
        account = self.sandbox.store.find(session.account, kind="account")
        items = session.private["line_items"]
        return {
            "code": body["currency"].upper(),
            "fraction": fraction,
            "items": [{**item, "shown": shown(item["amount_total"], item["currency"])} for item in items],
            "merchant": account.body["business_profile"]["name"] if account else session.account,
            "session": body,
            "total": shown(body["amount_total"], body["currency"]),
            "whole": whole,
        }

    def _render(self, name: str, *, status: int = 200, **values: object) -> HTMLResponse:
        text = self.templates.get_template(name).render(style=self.style, **values)
        return HTMLResponse(text, status_code=status, headers=HEADERS)
