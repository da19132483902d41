"""Keeps every answer that the running product gave, and knows which secrets it gave away in them on purpose."""

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import httpx

from tests.journeys.canaries import Canary, Watch, canary
from tests.journeys.visitor import browser, forms_of

_ID = re.compile(r"/[a-z]{2,4}_[0-9a-z]{26}(?=/|$)")
_SECRET = re.compile(r"/ic_(?:reset|invite)_[\w-]+")
_PAGE = re.compile(r"^/i/[^/]+")
_COOKIES = {"ic_session": "session", "ic_form": "form cookie"}
_TOKENS = {"csrf_token": "CSRF token", "form_token": "form token"}


@dataclass
class Recorder:
    """``thread`` is the correlation id of everything that is asked for, as it stands in rows, messages and logs."""

    thread: str
    answers: list[httpx.Response] = field(default_factory=list)

    def client(self, url: str, **more: Any) -> httpx.AsyncClient:
        hooks = {"response": [self._keep]}
        return browser(url, event_hooks=hooks, headers={"X-Correlation-Id": self.thread}, **more)

    async def _keep(self, answer: httpx.Response) -> None:
        await answer.aread()
        self.answers.append(answer)

    def found(self, watch: Watch) -> dict[str, set[str]]:
        """Which kinds of secret stand where; places without any are left out."""
        seen: dict[str, set[str]] = {}
        for answer in self.answers:
            for part, text in _parts(answer):
                if kinds := watch.found_in(text):
                    seen.setdefault(f"{_place(answer)}: {part}", set()).update(kinds)
        return seen

    def issued(self) -> Iterator[Canary]:
        """Cookies and tokens of forms, as a browser would pick them up."""
        for answer in self.answers:
            for cookie in answer.headers.get_list("set-cookie"):
                name, _, rest = cookie.partition("=")
                if (text := rest.split(";")[0].strip('"')) and name in _COOKIES:
                    yield canary(_COOKIES[name], text)
            for name, text in _fields_of(answer):
                if name in _TOKENS and text:
                    yield canary(_TOKENS[name], text)


def _fields_of(answer: httpx.Response) -> Iterator[tuple[str, str]]:
    kind = answer.headers.get("content-type", "")
    if kind.startswith("text/html"):
        for form in forms_of(answer):
            yield from form.fields.items()
    elif kind.startswith("application/json") and isinstance(answer.json(), dict):
        yield from ((name, text) for name, text in answer.json().items() if isinstance(text, str))


def _parts(answer: httpx.Response) -> Iterator[tuple[str, str]]:
    yield "body", answer.content.decode(errors="replace")
    yield from answer.headers.multi_items()


def _place(answer: httpx.Response) -> str:
    path = _SECRET.sub("/{secret}", _ID.sub("/{id}", answer.request.url.path))
    return f"{answer.request.method} {_PAGE.sub('/i/{token}', path)}"
