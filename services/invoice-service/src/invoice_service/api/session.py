"""A person's own sessions: who I am, where I am signed in, and signing out. No key has any of this.

Ending a session elsewhere needs a sign-in that is minutes old, so that a stolen cookie cannot shut its owner out.
"""

from datetime import datetime, timedelta
from typing import Annotated, Literal

from contracts.ids import OrganizationId, SessionId, UserId, format_id
from fastapi import APIRouter, Depends, Request, Response
from pydantic import BaseModel, Field
from service_kit.database import app_now
from service_kit.errors import DomainError, ErrorKind, Unauthenticated
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.people.audit_person import audit_person
from invoice_service.actions.people.end_sessions import end_all_sessions, end_session
from invoice_service.api.authentication import actor_from
from invoice_service.api.person_sessions import Person, SignedIn
from invoice_service.api.request_limits import limit_caller
from invoice_service.api.session_cookie import clear_cookie
from invoice_service.dependencies import Dependencies, Parts
from invoice_service.domain.account_secrets import Purpose
from invoice_service.domain.actors import ActorKind
from invoice_service.domain.permissions import OF_ROLE, Permission, Role
from invoice_service.queries.people import set_person
from invoice_service.queries.user_sessions import live_sessions
from invoice_service.tables.people import UserSession

FRESH_FOR = timedelta(minutes=10)


class SignInAgain(DomainError):
    slug = "sign-in-again"
    kind = ErrorKind.FORBIDDEN
    title = "The sign-in is too long ago for this"


class OwnUserView(BaseModel):
    object: Literal["user"] = "user"
    id: UserId
    email: str
    name: str
    language: str


class OwnOrganizationView(BaseModel):
    """`permissions` are those of `role`, in this organisation alone."""

    object: Literal["organization_membership"] = "organization_membership"
    id: OrganizationId
    name: str
    role: Role
    permissions: list[Permission]


class OwnSessionView(BaseModel):
    """`csrf_token` goes into the header `X-CSRF-Token` of each request that changes something."""

    object: Literal["session"] = "session"
    id: SessionId
    user: OwnUserView
    organizations: list[OwnOrganizationView]
    csrf_token: str = Field(repr=False)
    created_at: datetime
    ends_at: datetime


class SessionView(BaseModel):
    """`address` and `user_agent` are what the browser showed when it signed in."""

    object: Literal["session"] = "session"
    id: SessionId
    current: bool
    created_at: datetime
    last_seen_at: datetime
    ends_at: datetime
    address: str
    user_agent: str


class SessionList(BaseModel):
    object: Literal["list"] = "list"
    data: list[SessionView]
    has_more: Literal[False] = False
    next_cursor: None = None


async def _refuse_keys(request: Request) -> None:
    """A key decides alone wherever it is sent, and a key has no session."""
    if "authorization" in request.headers:
        raise Unauthenticated("this is for people who signed in; leave the Authorization header out")


async def _limited(request: Request, parts: Parts, person: Person) -> SignedIn:
    await limit_caller(request, parts, caller=format_id("usr", person.user_id))
    return person


Me = Annotated[SignedIn, Depends(_limited)]

router = APIRouter(prefix="/v1", tags=["people"], dependencies=[Depends(_refuse_keys)])


@router.get("/session", name="get_session", summary="Read who is signed in")
async def read(person: Me, parts: Parts, response: Response) -> OwnSessionView:
    """The person, their organisations with role and permissions, and the token that writes need."""
    response.headers["Cache-Control"] = "no-store"
    return OwnSessionView(
        id=person.session_id,
        user=OwnUserView(id=person.user_id, email=person.email, name=person.name, language=person.language),
        organizations=[
            OwnOrganizationView(
                id=member.organization_id,
                name=member.organization_name,
                role=member.role,
                permissions=sorted(OF_ROLE[member.role]),
            )
            for member in person.memberships
        ],
        csrf_token=parts.accounts.secrets.token_for(Purpose.CSRF, person.text),
        created_at=person.started_at,
        ends_at=person.ends_at,
    )


@router.delete("/session", name="end_session", summary="Sign out here", status_code=204)
async def sign_out(request: Request, person: Me, parts: Parts) -> Response:
    """The cookie opens nothing any more, wherever else it was copied to."""
    async with parts.database.transaction(organization_id=None) as session:
        await set_person(session, person.user_id)
        await end_session(session, user_id=person.user_id, session_id=person.session_id, now=await app_now(session))
        await _note(session, request, person, ended=format_id("ses", person.session_id))
    return _signed_out(parts)


@router.get("/sessions", name="list_sessions", summary="List where I am signed in")
async def list_mine(person: Me, parts: Parts, response: Response) -> SessionList:
    """Those that are alive, the one used last first."""
    async with parts.database.transaction(organization_id=None) as session:
        await set_person(session, person.user_id)
        now = await app_now(session)
        idle = timedelta(seconds=parts.accounts.idle_seconds)
        rows = await live_sessions(session, user_id=person.user_id, now=now, seen_after=now - idle)
    response.headers["Cache-Control"] = "no-store"
    return SessionList(data=[_view(row, current=row.id == person.session_id) for row in rows])


@router.delete("/sessions", name="end_all_sessions", summary="Sign out everywhere", status_code=204)
async def sign_out_everywhere(request: Request, person: Me, parts: Parts) -> Response:
    """Ends this session too. Needs a sign-in of the last ten minutes; otherwise 403 `sign-in-again`."""
    async with parts.database.transaction(organization_id=None) as session:
        now = await app_now(session)
        _check_fresh(person, now)
        await set_person(session, person.user_id)
        await end_all_sessions(session, user_id=person.user_id, now=now)
        await _note(session, request, person)
    return _signed_out(parts)


@router.delete("/sessions/{session_id}", name="end_one_session", summary="Sign out in one place", status_code=204)
async def sign_out_there(session_id: SessionId, request: Request, person: Me, parts: Parts) -> Response:
    """Needs a sign-in of the last ten minutes, unless it is this session; otherwise 403 `sign-in-again`."""
    here = session_id == person.session_id
    async with parts.database.transaction(organization_id=None) as session:
        now = await app_now(session)
        if not here:
            _check_fresh(person, now)
        await set_person(session, person.user_id)
        await end_session(session, user_id=person.user_id, session_id=session_id, now=now)
        await _note(session, request, person, ended=format_id("ses", session_id))
    return _signed_out(parts) if here else Response(status_code=204)


def _check_fresh(person: SignedIn, now: datetime) -> None:
    if now - person.started_at > FRESH_FOR:
        raise SignInAgain("sign in again at /sign-in, then repeat this within ten minutes")


async def _note(session: AsyncSession, request: Request, person: SignedIn, *, ended: str = "") -> None:
    user = format_id("usr", person.user_id)
    await audit_person(
        session,
        user_id=person.user_id,
        actor=actor_from(request, kind=ActorKind.PERSON, actor=user, name=person.email),
        action=str(request.scope["route"].name),
        object_type="session" if ended else "user",
        object_id=ended or user,
    )


def _signed_out(parts: Dependencies) -> Response:
    response = Response(status_code=204, headers={"Clear-Site-Data": '"cache", "storage"'})
    clear_cookie(response, parts)
    return response


def _view(row: UserSession, *, current: bool) -> SessionView:
    return SessionView(
        id=row.id,
        current=current,
        created_at=row.created_at,
        last_seen_at=row.last_seen_at,
        ends_at=row.expires_at,
        address=row.address,
        user_agent=row.user_agent,
    )
