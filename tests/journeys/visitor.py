"""Somebody with a browser at the running product: opens pages, types into their forms, presses their buttons.

A form is sent as it was shown, with its hidden fields; nothing is followed by itself.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any

import httpx

from deploy.demo.failures import NotAsItShouldBe

SESSION_COOKIE = "ic_session"


@dataclass
class ShownForm:
    """``buttons`` are where each one sends the form, by the words on it."""

    action: str
    fields: dict[str, str] = field(default_factory=dict)
    buttons: dict[str, str] = field(default_factory=dict)


class _FormReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[ShownForm] = []
        self._target: str | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(ShownForm(action=given.get("action", "")))
        elif self.forms and tag == "input" and "name" in given:
            self.forms[-1].fields[given["name"]] = given.get("value", "")
        elif self.forms and tag == "button":
            self._target = given.get("formaction", self.forms[-1].action)

    def handle_data(self, data: str) -> None:
        if self._target is not None and data.strip():
            self.forms[-1].buttons[data.strip()] = self._target
            self._target = None


def forms_of(page: httpx.Response) -> list[ShownForm]:
    reader = _FormReader()
    reader.feed(page.text)
    return reader.forms


@dataclass
class Visitor:
    """``http`` has cookies of its own and the product's public address as its base."""

    http: httpx.AsyncClient

    @property
    def session(self) -> str:
        """The text of the session's cookie, empty when there is none."""
        return self.http.cookies.get(SESSION_COOKIE) or ""

    async def press(self, button: str, *, on: str, **typed: str) -> httpx.Response:
        """Open the page ``on``, type into the fields by their names, press the button with these words on it."""
        page = await self.http.get(on)
        found = [form for form in forms_of(page) if button in form.buttons]
        if page.status_code != httpx.codes.OK or len(found) != 1:
            raise NotAsItShouldBe(f"{page.request.url.path[:20]} answers {page.status_code} without one '{button}'")
        form = found[0]
        if unknown := typed.keys() - form.fields.keys():
            raise NotAsItShouldBe(f"the form with '{button}' has no {unknown}, only {form.fields.keys()}")
        return await self.send(form.buttons[button], {**form.fields, **typed})

    async def send(self, path: str, fields: Mapping[str, str]) -> httpx.Response:
        """These fields and no others, as our own page would send them."""
        return await self.http.post(path, data=dict(fields), headers={"Origin": self.origin})

    async def sign_in(self, email: str, password: str) -> httpx.Response:
        return await self.press("Sign in", on="/sign-in", email=email, password=password)

    async def call(
        self, method: str, path: str, body: Mapping[str, Any] | None = None, *, idempotency_key: str = ""
    ) -> httpx.Response:
        """The API as the console calls it: by the cookie and, for writes, with the session's CSRF token."""
        headers = {"Origin": self.origin, **({"Idempotency-Key": idempotency_key} if idempotency_key else {})}
        if method != "GET":
            shown = (await self.http.get("/v1/session")).raise_for_status()
            headers["X-CSRF-Token"] = shown.json()["csrf_token"]
        return await self.http.request(method, path, json=None if body is None else dict(body), headers=headers)

    async def is_signed_in(self) -> bool:
        return (await self.http.get("/v1/session")).status_code == httpx.codes.OK

    @property
    def origin(self) -> str:
        return str(self.http.base_url).rstrip("/")


def browser(url: str, **more: Any) -> httpx.AsyncClient:
    return httpx.AsyncClient(base_url=url, timeout=30, trust_env=False, **more)
