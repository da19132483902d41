"""The owner at the pages for people, as her browser would be: she chooses a password by her link and signs in."""

import re
import secrets
from dataclasses import dataclass, field
from urllib.parse import urlsplit

import httpx

from deploy.demo.failures import NotAsItShouldBe

_HIDDEN = re.compile(r'<input type="hidden" name="([a-z_]+)" value="([^"]*)">')


@dataclass(frozen=True)
class Owner:
    """``link`` chooses the password, once. The password lives as long as the demo's database."""

    email: str
    link: str
    password: str = field(default_factory=lambda: secrets.token_urlsafe(15))


async def sign_in(owner: Owner, *, api: str, organization: str) -> None:
    """Raises `NotAsItShouldBe` unless she ends as an owner of ``organization``."""
    link = urlsplit(owner.link)
    headers = {"Origin": f"{link.scheme}://{link.netloc}"}
    async with httpx.AsyncClient(base_url=api, headers=headers, timeout=10, trust_env=False) as browser:
        await _send(browser, link.path, {"password": owner.password}, leads_to="/sign-in?done=reset")
        typed = {"email": owner.email, "password": owner.password}
        await _send(browser, "/sign-in", typed, leads_to="/account")
        session = (await browser.get("/v1/session")).raise_for_status().json()
    roles = {one["name"]: one["role"] for one in session["organizations"]}
    if roles != {organization: "owner"} or session["user"]["email"] != owner.email:
        raise NotAsItShouldBe(f"{owner.email} signed in with {roles} instead of owning {organization}")


async def _send(browser: httpx.AsyncClient, path: str, typed: dict[str, str], *, leads_to: str) -> None:
    page = (await browser.get(path)).raise_for_status()
    answer = await browser.post(path, data={**dict(_HIDDEN.findall(page.text)), **typed})
    if (answer.status_code, answer.headers.get("location")) != (303, leads_to):
        raise NotAsItShouldBe(f"the form on {path.split('/ic_')[0]} answered {answer.status_code}, not {leads_to}")
