"""A person's session at the door: the cookie, what it stands for, and the proof that our own page sent the request.

Cookies are ``SameSite=Lax``; every request that changes something also brings the session's CSRF token in a header, and
one that a browser says comes from another site is refused before anything is looked up.
"""

from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Annotated
from urllib.parse import urlsplit
from uuid import UUID

from contracts.ids import MalformedId, format_id, parse_id
from fastapi import Depends, Request
from service_kit.errors import DomainError, ErrorKind, Unauthenticated

from invoice_service.api.request_limits import limit_stranger
from invoice_service.api.session_cookie import SessionCookie
from invoice_service.dependencies import Dependencies, Parts
from invoice_service.domain.account_secrets import Purpose, is_secret_text
from invoice_service.domain.refusals import OrganizationNotFound
from invoice_service.queries.people import OwnMembership, find_session, own_memberships, set_person, touch_session

CSRF_HEADER = "X-CSRF-Token"
ORGANIZATION_HEADER = "X-Organization-Id"
SAFE_METHODS = frozenset({"GET", "HEAD", "OPTIONS"})
SEEN_NOTED_EVERY = timedelta(minutes=5)


class RequestForged(DomainError):
    slug = "csrf-token-invalid"
    kind = ErrorKind.FORBIDDEN
    title = "The request does not prove that it comes from our own page"


class OrganizationUnnamed(DomainError):
    """``facts`` has the organisations to choose from."""

    slug = "organization-unnamed"
    kind = ErrorKind.INVALID
    title = "It is not clear for which organisation"


@dataclass(frozen=True)
class SignedIn:
    """A person whose session is alive, proven by its cookie ``text``."""

    user_id: UUID
    session_id: UUID
    email: str
    name: str
    language: str
    started_at: datetime
    ends_at: datetime
    memberships: tuple[OwnMembership, ...]
    text: str = field(repr=False)


async def find_signed_in(request: Request, parts: Dependencies, *, cookie: str) -> SignedIn:
    """Raises `Unauthenticated` for a session that is unknown, ended or over, `RequestForged` for another page's."""
    check_origin(request, parts)
    person = await look_up(parts, text=cookie)
    if person is None:
        raise Unauthenticated("sign in: there is no session, or it has ended")
    if request.method not in SAFE_METHODS:
        given = request.headers.get(CSRF_HEADER, "")
        if not parts.accounts.secrets.matches(Purpose.CSRF, cookie, given):
            raise RequestForged(f"send the token of GET /v1/session as {CSRF_HEADER}")
    return person


async def find_visitor(request: Request, parts: Dependencies, *, cookie: str) -> SignedIn | None:
    """For pages, which also answer those who are not signed in: None for a cookie that opens nothing, which is counted
    as a wrong one. Raises `service_kit.errors.TooManyRequests`."""
    await limit_stranger(request, parts)
    person = await look_up(parts, text=cookie)
    if person is None:
        await limit_stranger(request, parts, failed=True)
    return person


async def look_up(parts: Dependencies, *, text: str) -> SignedIn | None:
    """The person behind a cookie, whatever the request may do. Notes every five minutes that they are still here."""
    if not is_secret_text(Purpose.SESSION, text):
        return None
    async with parts.database.transaction(organization_id=None) as session:
        facts = await find_session(session, token_hmac=parts.accounts.secrets.proof(Purpose.SESSION, text))
        if facts is None or facts.ended_at is not None or facts.disabled_at is not None:
            return None
        idle_end = facts.last_seen_at + timedelta(seconds=parts.accounts.idle_seconds)
        if facts.now >= min(facts.expires_at, idle_end):
            return None
        await set_person(session, facts.user_id)
        memberships = await own_memberships(session, user_id=facts.user_id)
        if facts.now - facts.last_seen_at >= SEEN_NOTED_EVERY:
            await touch_session(session, session_id=facts.session_id, now=facts.now)
    return SignedIn(
        user_id=facts.user_id,
        session_id=facts.session_id,
        email=facts.email,
        name=facts.name,
        language=facts.language,
        started_at=facts.created_at,
        ends_at=facts.expires_at,
        memberships=tuple(memberships),
        text=text,
    )


def organization_of(request: Request, person: SignedIn) -> OwnMembership:
    """The one that the header names, or the only one. Raises `OrganizationNotFound` for one of others."""
    named = request.headers.get(ORGANIZATION_HEADER, "")
    if named:
        chosen = [member for member in person.memberships if member.organization_id == _read_id(named)]
        if not chosen:
            raise OrganizationNotFound("you belong to no such organisation")
        return chosen[0]
    if len(person.memberships) != 1:
        known = {format_id("org", one.organization_id): one.organization_name for one in person.memberships}
        raise OrganizationUnnamed(f"name one of yours in {ORGANIZATION_HEADER}", facts={"organizations": known})
    return person.memberships[0]


def check_origin(request: Request, parts: Dependencies) -> None:
    """What browsers say by themselves about where a request was made. Raises `RequestForged`."""
    if request.method in SAFE_METHODS:
        return
    origin = request.headers.get("origin")
    if origin is not None and origin not in parts.accounts.origins:
        raise RequestForged("the request comes from another site")
    if origin is None and request.headers.get("sec-fetch-site", "none") not in ("same-origin", "none"):
        raise RequestForged("the request comes from another site")


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


def _read_id(text: str) -> UUID | None:
    try:
        return parse_id("org", text)
    except MalformedId:
        return None


async def _signed_in(request: Request, parts: Parts, cookie: SessionCookie) -> SignedIn:
    await limit_stranger(request, parts)
    try:
        return await find_signed_in(request, parts, cookie=cookie)
    except Unauthenticated:
        await limit_stranger(request, parts, failed=True)
        raise


Person = Annotated[SignedIn, Depends(_signed_in)]
"""For what concerns a person and no organisation, such as ending their sessions."""
