"""A customer who pays: opens the durable page, follows *Pay*, and fills in the form that stands there."""

from html.parser import HTMLParser
from urllib.parse import urljoin

import httpx

from deploy.demo.failures import NotAsItShouldBe

TEST_CARD = "4242424242424242"


class _Forms(HTMLParser):
    """The forms of a page: action, method and the values that are filled in already."""

    def __init__(self) -> None:
        super().__init__()
        self.forms: list[tuple[str, str, dict[str, str]]] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = {name: value or "" for name, value in attrs}
        if tag == "form":
            self.forms.append((given.get("action", ""), given.get("method", "get").lower(), {}))
        elif tag == "input" and self.forms and given.get("name") and given.get("type") not in {"radio", "checkbox"}:
            self.forms[-1][2][given["name"]] = given.get("value", "")


async def follow_pay_button(page: str) -> str:
    """From the durable page to the page that can be paid: the address that *Pay* answers with."""
    async with httpx.AsyncClient(timeout=30, trust_env=False) as client:
        shown = await client.get(page)
        _expect(shown, 200)
        action = _form(shown, wanting="pay")[0]
        answer = await client.post(urljoin(page, action))
        _expect(answer, 303)
        return urljoin(page, answer.headers["location"])


async def pay_by_card(pay_page: str, *, card: str = TEST_CARD) -> str:
    """Pay as a person would and return the address of the page that comes after."""
    async with httpx.AsyncClient(timeout=30, trust_env=False, follow_redirects=True) as client:
        shown = await client.get(pay_page)
        _expect(shown, 200)
        action, fields = _form(shown, wanting="pay")
        paid = await client.post(urljoin(str(shown.url), action), data={**fields, "card": card})
        _expect(paid, 200)
        return str(paid.url)


def _form(page: httpx.Response, *, wanting: str) -> tuple[str, dict[str, str]]:
    reader = _Forms()
    reader.feed(page.text)
    found = [form for form in reader.forms if form[1] == "post" and wanting in (form[0] or page.url.path)]
    if not found:
        raise NotAsItShouldBe(f"the page {page.url.path} has no form to pay with")
    return found[0][0] or str(page.url), found[0][2]


def _expect(response: httpx.Response, status: int) -> None:
    if response.status_code != status:
        request = response.request
        raise NotAsItShouldBe(f"{request.method} {request.url}: {response.status_code}, expected {status}")
