"""What the links in our mails open: a new password, or an organisation to join.

Looking changes nothing, since scanners of mails look too; only pressing the button does, once. Every link that does not
work gets one and the same page.
"""

from fastapi import APIRouter, Request, Response
from service_kit.errors import TooManyRequests

from invoice_service.actions.people.accept_invitation import (
    Acceptance,
    InvitationOffer,
    accept_invitation,
    look_at_invitation,
)
from invoice_service.actions.people.note_dead_link import note_dead_link
from invoice_service.actions.people.prove_password import SignInRefused
from invoice_service.actions.people.reset_password import ResetOffer, look_at_reset, reset_password
from invoice_service.api.form_requests import Form, check_form, form_cookie, form_token, set_form_cookie
from invoice_service.api.page_answers import desk_of, go_to, origin_of_request, page
from invoice_service.api.page_routes import PageRoute, retry_after, too_often
from invoice_service.api.request_limits import limit_password_tries
from invoice_service.api.session_cookie import SessionCookie, clear_cookie, set_cookie
from invoice_service.dependencies import Dependencies, Parts
from invoice_service.domain.account_mails import AccountSecretDead
from invoice_service.domain.passwords import PasswordRefused
from invoice_service.domain.people_names import NameRefused
from invoice_service.people_html import LINK_DEAD, Problem, write_invitation, write_reset, write_said

router = APIRouter(include_in_schema=False, route_class=PageRoute)

_WRONG = Problem(text="This is not the password of your account. Try again, or choose a new one.", field="password")


@router.api_route("/reset-password/{secret}", methods=["GET", "HEAD"])
async def show_reset(secret: str, request: Request, parts: Parts) -> Response:
    try:
        offer = await look_at_reset(desk_of(parts), text=secret)
    except AccountSecretDead:
        return await _dead(request, parts)
    return _reset_page(request, parts, secret, offer)


@router.post("/reset-password/{secret}")
async def take_reset(secret: str, request: Request, parts: Parts, form: Form) -> Response:
    check_form(request, parts, form)
    wanted, origin = form.get("password", ""), origin_of_request(request)
    try:
        await limit_password_tries(request, parts)
        await reset_password(desk_of(parts), text=secret, wanted=wanted, origin=origin)
    except PasswordRefused as refusal:
        return await _choose_again(request, parts, secret, problem=_at_field(refusal), status=422)
    except AccountSecretDead:
        return await _dead(request, parts)
    except TooManyRequests as refusal:
        answer = await _choose_again(request, parts, secret, problem=too_often(refusal), status=429)
        answer.headers.update(retry_after(refusal))
        return answer
    response = go_to("/sign-in?done=reset")
    clear_cookie(response, parts)
    return response


@router.api_route("/invitation/{secret}", methods=["GET", "HEAD"])
async def show_invitation(secret: str, request: Request, parts: Parts) -> Response:
    try:
        offer = await look_at_invitation(desk_of(parts), text=secret)
    except AccountSecretDead:
        return await _dead(request, parts)
    return _invitation_page(request, parts, secret, offer)


@router.post("/invitation/{secret}")
async def take_invitation(
    secret: str, request: Request, parts: Parts, session_cookie: SessionCookie, form: Form
) -> Response:
    check_form(request, parts, form)
    name = form.get("name", "")
    given = Acceptance(text=secret, password=form.get("password", ""), name=name, presented=session_cookie)
    try:
        await limit_password_tries(request, parts)
        text = await accept_invitation(desk_of(parts), given=given, origin=origin_of_request(request))
    except AccountSecretDead:
        return await _dead(request, parts)
    except (NameRefused, PasswordRefused) as refusal:
        return await _ask_again(request, parts, secret, name=name, problem=_at_field(refusal), status=422)
    except SignInRefused:
        return await _ask_again(request, parts, secret, name=name, problem=_WRONG, status=401)
    except TooManyRequests as refusal:
        answer = await _ask_again(request, parts, secret, name=name, problem=too_often(refusal), status=429)
        answer.headers.update(retry_after(refusal))
        return answer
    response = go_to("/account?done=joined")
    set_cookie(response, parts, text=text)
    return response


async def _choose_again(
    request: Request, parts: Dependencies, secret: str, *, problem: Problem, status: int
) -> Response:
    try:
        offer = await look_at_reset(desk_of(parts), text=secret)
    except AccountSecretDead:
        return await _dead(request, parts)
    return _reset_page(request, parts, secret, offer, problem=problem, status=status)


async def _ask_again(
    request: Request, parts: Dependencies, secret: str, *, name: str, problem: Problem, status: int
) -> Response:
    try:
        offer = await look_at_invitation(desk_of(parts), text=secret)
    except AccountSecretDead:
        return await _dead(request, parts)
    return _invitation_page(request, parts, secret, offer, name=name, problem=problem, status=status)


async def _dead(request: Request, parts: Dependencies) -> Response:
    """Raises `TriedTooOften`."""
    await note_dead_link(desk_of(parts), address=origin_of_request(request).address)
    return page(write_said(LINK_DEAD), status=404)


def _at_field(refusal: NameRefused | PasswordRefused) -> Problem:
    return Problem(text=refusal.detail, field=refusal.pointer.removeprefix("/"))


def _reset_page(
    request: Request,
    parts: Dependencies,
    secret: str,
    offer: ResetOffer,
    *,
    problem: Problem | None = None,
    status: int = 200,
) -> Response:
    cookie = form_cookie(request, parts)
    written = write_reset(
        form_token=form_token(cookie, parts), address=f"/reset-password/{secret}", offer=offer, problem=problem
    )
    response = page(written, status=status)
    set_form_cookie(response, cookie, parts)
    return response


def _invitation_page(
    request: Request,
    parts: Dependencies,
    secret: str,
    offer: InvitationOffer,
    *,
    name: str = "",
    problem: Problem | None = None,
    status: int = 200,
) -> Response:
    cookie = form_cookie(request, parts)
    written = write_invitation(
        form_token=form_token(cookie, parts),
        address=f"/invitation/{secret}",
        offer=offer,
        name=name,
        problem=problem,
    )
    response = page(written, status=status)
    set_form_cookie(response, cookie, parts)
    return response
