"""Forms of our own pages: read within limits, and proven to come from a page that this browser was given.

Before there is a session, a form carries the HMAC of a random cookie; with a session, its CSRF token. Both also need an
origin that is ours.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Annotated
from urllib.parse import parse_qsl

from fastapi import Depends, Request, Response
from service_kit.errors import DomainError

from invoice_service.api.person_sessions import RequestForged, SignedIn, check_origin
from invoice_service.dependencies import Dependencies
from invoice_service.domain.account_secrets import Purpose, is_secret_text, new_secret_text

FORM_BYTES_MAX = 8_192
FIELDS_MAX = 12
PATH_MAX = 500
_MEDIA_TYPE = "application/x-www-form-urlencoded"
_SECURE_NAME = "__Host-ic_form"
_PLAIN_NAME = "ic_form"


class FormMalformed(DomainError):
    slug = "form-malformed"
    title = "The form cannot be read"


@dataclass(frozen=True)
class FormCookie:
    """``text`` was sent by the browser, or is new and has to be set."""

    text: str
    is_new: bool


async def _form(request: Request) -> Mapping[str, str]:
    return await read_form(request)


async def read_form(request: Request) -> Mapping[str, str]:
    """Fields exactly as they were typed. Raises `FormMalformed`."""
    if request.headers.get("content-type", "").split(";")[0].strip().lower() != _MEDIA_TYPE:
        raise FormMalformed("send it as a browser does, in fields that are urlencoded")
    body = await request.body()
    if len(body) > FORM_BYTES_MAX:
        raise FormMalformed(f"at most {FORM_BYTES_MAX} bytes are read")
    try:
        pairs = parse_qsl(
            body.decode("ascii"),
            keep_blank_values=True,
            strict_parsing=bool(body),
            max_num_fields=FIELDS_MAX,
            errors="strict",
        )
    except ValueError:
        raise FormMalformed("the fields cannot be read") from None
    fields = dict(pairs)
    if len(fields) != len(pairs) or any("\x00" in value for value in fields.values()):
        raise FormMalformed("each field is sent once, without the character NUL")
    return fields


Form = Annotated[Mapping[str, str], Depends(_form)]


def form_cookie(request: Request, parts: Dependencies) -> FormCookie:
    text = request.cookies.get(_name(parts), "")
    if is_secret_text(Purpose.FORM, text):
        return FormCookie(text, is_new=False)
    return FormCookie(new_secret_text(Purpose.FORM), is_new=True)


def form_token(cookie: FormCookie, parts: Dependencies) -> str:
    return parts.accounts.secrets.token_for(Purpose.FORM, cookie.text)


def set_form_cookie(response: Response, cookie: FormCookie, parts: Dependencies) -> None:
    if cookie.is_new:
        response.set_cookie(
            _name(parts), cookie.text, path="/", secure=parts.accounts.secure, httponly=True, samesite="lax"
        )


def check_form(request: Request, parts: Dependencies, form: Mapping[str, str]) -> None:
    """Of somebody without a session. Raises `RequestForged`."""
    check_origin(request, parts)
    cookie = form_cookie(request, parts)
    if cookie.is_new or not parts.accounts.secrets.matches(Purpose.FORM, cookie.text, form.get("form_token", "")):
        raise RequestForged("open the form again")


def check_session_form(request: Request, parts: Dependencies, form: Mapping[str, str], *, person: SignedIn) -> None:
    """Raises `RequestForged`."""
    check_origin(request, parts)
    if not parts.accounts.secrets.matches(Purpose.CSRF, person.text, form.get("csrf_token", "")):
        raise RequestForged("open the page again")


def own_path(text: str, *, default: str) -> str:
    """``text`` when it is a path of ours, else ``default``: browsers read ``//``, ``/\\`` and tabs as another host."""
    plain = text.isascii() and text.isprintable() and " " not in text and "\\" not in text
    if plain and text.startswith("/") and not text.startswith("//") and len(text) <= PATH_MAX:
        return text
    return default


def _name(parts: Dependencies) -> str:
    return _SECURE_NAME if parts.accounts.secure else _PLAIN_NAME
