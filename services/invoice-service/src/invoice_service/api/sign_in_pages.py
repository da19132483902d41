"""Pages on which people sign in and out, and ask for a link when they forgot their password.

A wrong password, an unknown address and a disabled person get one answer after one time; asking for a link always does.
"""

from typing import Annotated

from fastapi import APIRouter, Query, Request, Response

from invoice_service.actions.people.prove_password import SignInRefused
from invoice_service.actions.people.reset_password import request_reset
from invoice_service.actions.people.sign_in import sign_in
from invoice_service.actions.people.sign_out import sign_out
from invoice_service.api.answer_times import earliest_answer, wait_for_answer
from invoice_service.api.authentication import actor_from
from invoice_service.api.form_requests import (
    Form,
    check_form,
    check_session_form,
    form_cookie,
    form_token,
    own_path,
    set_form_cookie,
)
from invoice_service.api.page_answers import desk_of, go_to, origin_of_request, page
from invoice_service.api.page_routes import PageRoute, retry_after, too_often
from invoice_service.api.person_sessions import check_origin, find_visitor, look_up
from invoice_service.api.session_cookie import SessionCookie, clear_cookie, set_cookie
from invoice_service.dependencies import Dependencies, Parts
from invoice_service.domain.actors import ActorKind, as_person
from invoice_service.domain.sign_in_limits import TriedTooOften
from invoice_service.people_html import CHECK_MAIL, Notice, Problem, write_forgot, write_said, write_sign_in

router = APIRouter(include_in_schema=False, route_class=PageRoute)

HOME = "/account"
# ASVS 5, V14.3.1. Not "cookies": browsers would take those of every other site under the same domain as well.
CLEAR_SITE_DATA = {"Clear-Site-Data": '"cache", "storage"'}
_WRONG = Problem(
    title="E-mail or password is wrong.", text="Check both, or choose a new password with Forgot password."
)
_NOTICES = {
    "reset": Notice("Password saved.", "Sign in with it. You were signed out everywhere."),
    "signed-out": Notice("You are signed out.", ""),
    "ended": Notice("Signed out everywhere.", "Each browser has to sign in again."),
}
Done = Annotated[str, Query(max_length=20)]
Next = Annotated[str, Query(alias="next", max_length=2000)]


@router.api_route("/sign-in", methods=["GET", "HEAD"])
async def show_sign_in(
    request: Request, parts: Parts, session_cookie: SessionCookie, done: Done = "", wanted: Next = ""
) -> Response:
    target = own_path(wanted, default=HOME)
    if await find_visitor(request, parts, cookie=session_cookie) is not None:
        return go_to(target)
    return _sign_in_page(request, parts, next_path=target, notice=_NOTICES.get(done))


@router.post("/sign-in")
async def take_sign_in(request: Request, parts: Parts, session_cookie: SessionCookie, form: Form) -> Response:
    check_form(request, parts, form)
    email, target = form.get("email", ""), own_path(form.get("next", ""), default=HOME)
    earliest = earliest_answer(parts)
    try:
        text = await sign_in(
            desk_of(parts),
            email=email,
            password=form.get("password", ""),
            presented=session_cookie,
            origin=origin_of_request(request),
        )
    except SignInRefused:
        await wait_for_answer(earliest)
        return _sign_in_page(request, parts, email=email, next_path=target, problem=_WRONG, status=401)
    except TriedTooOften as problem:
        await wait_for_answer(earliest)
        answer = _sign_in_page(request, parts, email=email, next_path=target, problem=too_often(problem), status=429)
        answer.headers.update(retry_after(problem))
        return answer
    response = go_to(target)
    set_cookie(response, parts, text=text)
    return response


@router.post("/sign-out")
async def take_sign_out(request: Request, parts: Parts, session_cookie: SessionCookie, form: Form) -> Response:
    check_origin(request, parts)
    person = await look_up(parts, text=session_cookie)
    if person is not None:
        check_session_form(request, parts, form, person=person)
        actor = as_person(
            actor_from(request, kind=ActorKind.PERSON, actor="", name=""), user_id=person.user_id, email=person.email
        )
        await sign_out(desk_of(parts), user_id=person.user_id, session_id=person.session_id, actor=actor)
    response = go_to("/sign-in?done=signed-out", headers=CLEAR_SITE_DATA)
    clear_cookie(response, parts)
    return response


@router.api_route("/forgot-password", methods=["GET", "HEAD"])
async def show_forgot(request: Request, parts: Parts) -> Response:
    cookie = form_cookie(request, parts)
    response = page(write_forgot(form_token=form_token(cookie, parts)))
    set_form_cookie(response, cookie, parts)
    return response


@router.post("/forgot-password")
async def take_forgot(request: Request, parts: Parts, form: Form) -> Response:
    check_form(request, parts, form)
    earliest = earliest_answer(parts)
    await request_reset(desk_of(parts), email=form.get("email", ""), origin=origin_of_request(request))
    await wait_for_answer(earliest)
    return page(write_said(CHECK_MAIL))


def _sign_in_page(
    request: Request,
    parts: Dependencies,
    *,
    email: str = "",
    next_path: str,
    problem: Problem | None = None,
    notice: Notice | None = None,
    status: int = 200,
) -> Response:
    cookie = form_cookie(request, parts)
    written = write_sign_in(
        form_token=form_token(cookie, parts), email=email, next_path=next_path, problem=problem, notice=notice
    )
    response = page(written, status=status)
    set_form_cookie(response, cookie, parts)
    return response
