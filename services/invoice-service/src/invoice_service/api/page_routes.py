"""Routes that answer people: what is refused before a page can say it itself is a page too, and not JSON."""

from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import Request, Response
from fastapi.routing import APIRoute
from service_kit.errors import TooManyRequests

from invoice_service.api.form_requests import FormMalformed
from invoice_service.api.page_answers import page
from invoice_service.api.person_sessions import RequestForged
from invoice_service.domain.sign_in_limits import TriedTooOften
from invoice_service.people_html import FORM_STALE, Problem, Said, write_said


class PageRoute(APIRoute):
    def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
        answer = super().get_route_handler()

        async def answer_with_page(request: Request) -> Response:
            try:
                return await answer(request)
            except RequestForged:
                return page(write_said(FORM_STALE), status=403)
            except FormMalformed as problem:
                said = Said(title="Nothing was changed", text=f"The form was not understood: {problem.detail}.")
                return page(write_said(said), status=400)
            except TooManyRequests as problem:
                said = Said(title="Too many tries", text=f"Try again {in_words(problem.retry_after_seconds)}.")
                return page(write_said(said), status=429, headers=retry_after(problem))

        return answer_with_page


def too_often(problem: TooManyRequests) -> Problem:
    other_way = ", or choose a new password with Forgot password" if isinstance(problem, TriedTooOften) else ""
    return Problem(title="Too many tries.", text=f"Try again {in_words(problem.retry_after_seconds)}{other_way}.")


def retry_after(problem: TooManyRequests) -> dict[str, str]:
    return {"Retry-After": str(problem.retry_after_seconds)}


def in_words(seconds: int) -> str:
    if seconds <= 60:
        return f"in {seconds} seconds" if seconds != 1 else "in a second"
    minutes = -(-seconds // 60)
    return f"in {minutes} minutes"
