"""The cookie of a session: out of reach of scripts, sent to this host alone, and gone with the browser."""

from typing import Annotated

from fastapi import Depends, Request, Response
from fastapi.security import APIKeyCookie

from invoice_service.dependencies import Dependencies, Parts

_SECURE_NAME = "__Host-ic_session"
_PLAIN_NAME = "ic_session"
_scheme = APIKeyCookie(
    name=_SECURE_NAME, scheme_name="Session", auto_error=False, description="A person who signed in at `/sign-in`."
)


def cookie_name(parts: Dependencies) -> str:
    """The ``__Host-`` prefix makes browsers insist on https, on this very host and on the whole path."""
    return _SECURE_NAME if parts.accounts.secure else _PLAIN_NAME


def set_cookie(response: Response, parts: Dependencies, *, text: str) -> None:
    """Ends with the browser; the session's own end is kept in the database."""
    response.set_cookie(cookie_name(parts), text, path="/", secure=parts.accounts.secure, httponly=True, samesite="lax")


def clear_cookie(response: Response, parts: Dependencies) -> None:
    response.delete_cookie(cookie_name(parts), path="/", secure=parts.accounts.secure, httponly=True, samesite="lax")


def _cookie(request: Request, parts: Parts, _documented: Annotated[str | None, Depends(_scheme)]) -> str:
    return request.cookies.get(cookie_name(parts), "")


SessionCookie = Annotated[str, Depends(_cookie)]
