"""A browser as our pages meet it: it keeps cookies, follows nothing by itself, and sends forms as they were shown."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Any
from urllib.parse import urlencode

import httpx
from fastapi import FastAPI
from invoice_tests.make import PUBLIC_URL

SESSION = "__Host-ic_session"
FORM = "__Host-ic_form"


@dataclass
class ShownForm:
    action: str = ""
    fields: dict[str, str] = field(default_factory=dict)
    inputs: list[dict[str, str]] = field(default_factory=list)


class _Forms(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[ShownForm] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append(ShownForm(action=named.get("action", "")))
        elif tag == "input" and self.forms:
            self.forms[-1].inputs.append(named)
            if "name" in named:
                self.forms[-1].fields[named["name"]] = named.get("value", "")


def forms_of(response: httpx.Response) -> dict[str, ShownForm]:
    """By where they are sent."""
    parser = _Forms()
    parser.feed(response.text)
    return {form.action: form for form in parser.forms}


def text_of(response: httpx.Response) -> str:
    """What a person reads, in one line."""
    body = re.sub(r"<(style|svg|head)\b.*?</\1>", " ", response.text, flags=re.DOTALL)
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", body)).strip()


class Browser:
    """At ``address``; each one has cookies of its own."""

    def __init__(self, app: FastAPI, *, address: str = "198.51.100.7", user_agent: str = "Tests/1.0") -> None:
        transport = httpx.ASGITransport(app=app, client=(address, 40_000))
        self.http = httpx.AsyncClient(transport=transport, base_url=PUBLIC_URL, headers={"User-Agent": user_agent})

    async def get(self, path: str, **headers: str) -> httpx.Response:
        return await self.http.get(path, headers=_named(headers))

    async def send(self, action: str, fields: Mapping[str, str], **headers: str) -> httpx.Response:
        """These fields and no others."""
        sent = {"Origin": PUBLIC_URL, "Content-Type": "application/x-www-form-urlencoded", **_named(headers)}
        return await self.http.post(action, content=urlencode(fields), headers=sent)

    async def fill(self, page: str, fields: Mapping[str, str], *, action: str = "") -> httpx.Response:
        """Open ``page`` and send its form with ``fields`` typed into it."""
        shown = await self.get(page)
        assert shown.status_code == 200, shown.text
        form = forms_of(shown)[action or page.split("?")[0]]
        return await self.send(form.action, {**form.fields, **fields})

    async def sign_in(self, email: str, password: str) -> httpx.Response:
        return await self.fill("/sign-in", {"email": email, "password": password})

    async def reads(self, path: str = "/account") -> str:
        """What the page says; it must be there."""
        response = await self.get(path)
        assert response.status_code == 200, response.headers
        return text_of(response)

    async def is_signed_in(self) -> bool:
        return (await self.get("/account")).status_code == 200

    @property
    def session(self) -> str:
        return self.cookie(SESSION)

    def cookie(self, name: str) -> str:
        return self.http.cookies.get(name) or ""

    def put_cookie(self, name: str, value: str) -> None:
        self.http.cookies.set(name, value, domain="invoices.example.com", path="/")


def _named(headers: Mapping[str, Any]) -> dict[str, str]:
    return {name.replace("_", "-"): str(value) for name, value in headers.items()}
