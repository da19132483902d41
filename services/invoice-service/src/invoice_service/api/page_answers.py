"""Answers of the pages for people: never stored, never framed, and telling nobody which page the reader came from."""

from collections.abc import Mapping

from fastapi import Request
from fastapi.responses import HTMLResponse, RedirectResponse

from invoice_service.actions.people.account_desk import AccountDesk
from invoice_service.api.authentication import actor_from
from invoice_service.dependencies import Dependencies
from invoice_service.domain.actors import Actor, ActorKind
from invoice_service.page_writing import WrittenPage

HEADERS = {
    "Cache-Control": "no-store",
    # The host alone, so no secret in a path gets out. Under "no-referrer" browsers would send our forms with the Origin
    # "null" (Fetch standard, "append a request Origin header"), and every form would be refused.
    "Referrer-Policy": "strict-origin",
    "X-Robots-Tag": "noindex, nofollow, noarchive",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def page(written: WrittenPage, *, status: int = 200, headers: Mapping[str, str] | None = None) -> HTMLResponse:
    said = {**HEADERS, "Content-Security-Policy": written.content_security_policy, **(headers or {})}
    return HTMLResponse(written.html, status_code=status, headers=said)


def go_to(path: str, *, headers: Mapping[str, str] | None = None) -> RedirectResponse:
    """See Other, so that reloading sends no form again."""
    return RedirectResponse(path, status_code=303, headers={**HEADERS, **(headers or {})})


def desk_of(parts: Dependencies) -> AccountDesk:
    return AccountDesk(
        database=parts.database,
        secrets=parts.accounts.secrets,
        passwords=parts.accounts.passwords,
        idle_seconds=parts.accounts.idle_seconds,
        lifetime_seconds=parts.accounts.lifetime_seconds,
        public_url=parts.pages.public_url.rstrip("/"),
    )


def origin_of_request(request: Request) -> Actor:
    """Somebody who has not proven anything yet."""
    return actor_from(request, kind=ActorKind.NOBODY, actor="nobody", name="")
