"""A person's own page: who they are, where they belong, their password, and the browsers they are signed in with.

Ending sessions needs the password again when the sign-in is not fresh, so that a stolen cookie shuts nobody out
(ASVS 5, V7.5.2).
"""

from collections.abc import Mapping
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from contracts.ids import MalformedId, format_id, parse_id
from fastapi import APIRouter, Query, Request, Response
from service_kit.database import app_now
from service_kit.errors import TooManyRequests

from invoice_service.actions.people.audit_person import audit_person
from invoice_service.actions.people.change_password import change_password
from invoice_service.actions.people.end_sessions import SessionNotFound, end_all_sessions, end_session
from invoice_service.actions.people.prove_password import Proven, SignInRefused, prove_password, take_proof
from invoice_service.api.form_requests import Form, check_session_form
from invoice_service.api.page_answers import desk_of, go_to, origin_of_request, page
from invoice_service.api.page_routes import PageRoute, retry_after, too_often
from invoice_service.api.person_sessions import SignedIn, find_visitor
from invoice_service.api.request_limits import limit_caller, limit_password_tries
from invoice_service.api.session import FRESH_FOR
from invoice_service.api.session_cookie import SessionCookie, clear_cookie, set_cookie
from invoice_service.api.sign_in_pages import CLEAR_SITE_DATA
from invoice_service.dependencies import Dependencies, Parts
from invoice_service.domain.account_secrets import Purpose
from invoice_service.domain.actors import as_person
from invoice_service.domain.passwords import PasswordRefused
from invoice_service.domain.sign_in_limits import TriedTooOften
from invoice_service.people_html import Notice, Problem, write_account
from invoice_service.people_view import account_view
from invoice_service.queries.people import set_person
from invoice_service.queries.user_sessions import live_sessions

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_SIGN_IN = "/sign-in?next=/account"
_NOTICES = {
    "joined": Notice("You have joined.", "The organisation is in the list below."),
    "password": Notice("Password changed.", "You were signed out everywhere else, and a mail tells you about it."),
    "ended": Notice("Session ended.", "That browser has to sign in again."),
}
_PROBLEMS = {
    "session-password": Problem(
        text="This is not your password. Nothing was ended. Enter it again.", field="session_password"
    ),
    "too-often": Problem(title="Too many tries.", text="Nothing was ended. Wait a few minutes and try again."),
}
_WRONG = Problem(text="This is not the password you have now. Nothing was changed.", field="password")
Word = Annotated[str, Query(max_length=30)]


@router.api_route("/account", methods=["GET", "HEAD"])
async def show_account(
    request: Request, parts: Parts, cookie: SessionCookie, done: Word = "", problem: Word = ""
) -> Response:
    person = await _person(request, parts, cookie)
    if person is None:
        return go_to(_SIGN_IN)
    return await _account_page(parts, person, notice=_NOTICES.get(done), problem=_PROBLEMS.get(problem))


@router.post("/account/password")
async def take_password(request: Request, parts: Parts, cookie: SessionCookie, form: Form) -> Response:
    person = await _person(request, parts, cookie)
    if person is None:
        return go_to(_SIGN_IN)
    check_session_form(request, parts, form, person=person)
    try:
        await limit_password_tries(request, parts, person=format_id("usr", person.user_id))
        text = await change_password(
            desk_of(parts),
            email=person.email,
            name=person.name,
            memberships=person.memberships,
            present=form.get("password", ""),
            wanted=form.get("new_password", ""),
            origin=origin_of_request(request),
        )
    except PasswordRefused as refusal:
        problem = Problem(text=refusal.detail, field=refusal.pointer.removeprefix("/"))
        return await _account_page(parts, person, problem=problem, status=422)
    except SignInRefused:
        return await _account_page(parts, person, problem=_WRONG, status=422)
    except TooManyRequests as refusal:
        answer = await _account_page(parts, person, problem=too_often(refusal), status=429)
        answer.headers.update(retry_after(refusal))
        return answer
    response = go_to("/account?done=password")
    set_cookie(response, parts, text=text)
    return response


@router.post("/account/sessions/end")
async def take_end(request: Request, parts: Parts, cookie: SessionCookie, form: Form) -> Response:
    """One that has ended meanwhile, or is nobody's, is as good as ended."""
    person = await _person(request, parts, cookie)
    if person is None:
        return go_to(_SIGN_IN)
    check_session_form(request, parts, form, person=person)
    ended = _session_id(form)
    if ended is None:
        return go_to("/account")
    return await _end(request, parts, person, form, only=ended) or go_to("/account?done=ended")


@router.post("/account/sessions/end-all")
async def take_end_all(request: Request, parts: Parts, cookie: SessionCookie, form: Form) -> Response:
    person = await _person(request, parts, cookie)
    if person is None:
        return go_to(_SIGN_IN)
    check_session_form(request, parts, form, person=person)
    refused = await _end(request, parts, person, form)
    if refused is not None:
        return refused
    response = go_to("/sign-in?done=ended", headers=CLEAR_SITE_DATA)
    clear_cookie(response, parts)
    return response


async def _end(
    request: Request, parts: Dependencies, person: SignedIn, form: Mapping[str, str], *, only: UUID | None = None
) -> Response | None:
    """None when it is done; else where to go, with nothing changed."""
    proven = None
    try:
        if await _is_stale(parts, person):
            given, origin = form.get("session_password", ""), origin_of_request(request)
            proven = await prove_password(desk_of(parts), email=person.email, password=given, origin=origin)
        await _end_sessions(request, parts, person, proven=proven, only=only)
    except SignInRefused:
        return go_to("/account?problem=session-password")
    except TriedTooOften:
        return go_to("/account?problem=too-often")
    return None


async def _end_sessions(
    request: Request, parts: Dependencies, person: SignedIn, *, proven: Proven | None, only: UUID | None
) -> None:
    """All of them, or ``only`` one. Raises `SignInRefused` when the password was changed meanwhile."""
    async with parts.database.transaction(organization_id=None) as session:
        now = await app_now(session)
        await set_person(session, person.user_id)
        if proven is not None:
            await take_proof(session, proven=proven)
        if only is None:
            await end_all_sessions(session, user_id=person.user_id, now=now)
        else:
            try:
                await end_session(session, user_id=person.user_id, session_id=only, now=now)
            except SessionNotFound:
                return
        actor = as_person(origin_of_request(request), user_id=person.user_id, email=person.email)
        await audit_person(
            session,
            user_id=person.user_id,
            actor=actor,
            action="end_all_sessions" if only is None else "end_one_session",
            object_type="user" if only is None else "session",
            object_id=actor.id if only is None else format_id("ses", only),
        )


async def _person(request: Request, parts: Dependencies, cookie: str) -> SignedIn | None:
    person = await find_visitor(request, parts, cookie=cookie)
    if person is not None:
        await limit_caller(request, parts, caller=format_id("usr", person.user_id))
    return person


async def _is_stale(parts: Dependencies, person: SignedIn) -> bool:
    async with parts.database.transaction(organization_id=None) as session:
        return await app_now(session) - person.started_at > FRESH_FOR


async def _account_page(
    parts: Dependencies,
    person: SignedIn,
    *,
    problem: Problem | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    idle = parts.accounts.idle_seconds
    async with parts.database.transaction(organization_id=None) as session:
        await set_person(session, person.user_id)
        now = await app_now(session)
        seen_after = now - timedelta(seconds=idle)
        rows = await live_sessions(session, user_id=person.user_id, now=now, seen_after=seen_after)
    view = account_view(
        name=person.name,
        email=person.email,
        memberships=person.memberships,
        sessions=rows,
        current=person.session_id,
        stale=now - person.started_at > FRESH_FOR,
        idle_seconds=idle,
        now=now,
    )
    token = parts.accounts.secrets.token_for(Purpose.CSRF, person.text)
    return page(write_account(account=view, csrf_token=token, problem=problem, notice=notice), status=status)


def _session_id(form: Mapping[str, str]) -> UUID | None:
    try:
        return parse_id("ses", form.get("session_id", ""))
    except MalformedId:
        return None
