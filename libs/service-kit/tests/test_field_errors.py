"""A refused field is named as the caller sent it, whatever our models look like, and a body has exactly one meaning."""

from collections.abc import AsyncIterator
from typing import Annotated, Any, Literal

import httpx
import pytest
from fastapi import Body, Form, Header, Query
from pydantic import BaseModel, ConfigDict, Field, field_validator
from service_kit.clock import SystemClock
from service_kit.http import create_api


class CardBranch(BaseModel):
    kind: Literal["card"]
    number: int
    card: int = 0


class DebitBranch(BaseModel):
    kind: Literal["debit"]
    number: int


class ExactBranch(BaseModel):
    model_config = ConfigDict(extra="forbid")
    number: int


class OddModel(BaseModel):
    tagged: list[Annotated[CardBranch | DebitBranch, Field(discriminator="kind")]] = []
    either: CardBranch | ExactBranch | None = None
    scalar: int | bool | None = None
    counts: dict[str, int] = {}
    keyed: dict[int, int] = {}
    aliased: int = Field(default=1, alias="theAlias")
    nested: ExactBranch | None = None
    tree: "OddModel | None" = None

    @field_validator("counts", mode="before")
    @classmethod
    def _made_anew(cls, value: Any) -> Any:
        """So what is refused here is not the very object that was sent."""
        return {key: f"{item}!" for key, item in value.items()} if isinstance(value, dict) else value


@pytest.fixture
async def client() -> AsyncIterator[httpx.AsyncClient]:
    api = create_api(title="Example", service="example", clock=SystemClock(), ready_checks=[])

    @api.post("/odd")
    async def odd(body: OddModel) -> int:
        return 0

    @api.post("/embedded")
    async def embedded(odd: Annotated[OddModel, Body(embed=True)]) -> int:
        return 0

    @api.post("/form")
    async def form(number: Annotated[int, Form()], count: Annotated[int, Form()]) -> int:
        return 0

    @api.get("/items/{place}")
    async def items(
        place: int, ids: Annotated[list[int | bool], Query()], if_match: Annotated[int, Header()] = 0
    ) -> int:
        return 0

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://example.test") as http:
        yield http


def pointers(answer: httpx.Response) -> set[str]:
    assert (answer.status_code, answer.json()["code"]) == (422, "invalid-request"), answer.text
    for name in ("Branch", "OddModel", "tagged-union", "function-", "[key]", "Body_", "extract fields"):
        assert name not in answer.text
    return {error["pointer"] for error in answer.json()["errors"]}


@pytest.mark.parametrize(
    ("body", "expected"),
    [
        ({"tagged": [{"kind": "card", "number": "x"}]}, {"/tagged/0/number"}),
        ({"tagged": [{"kind": "card", "number": 1, "card": "x"}]}, {"/tagged/0/card"}),
        ({"tagged": [{"kind": "card", "card": 1}]}, {"/tagged/0/number"}),
        ({"tagged": [{"kind": "debit"}]}, {"/tagged/0/number"}),
        ({"tagged": [{"kind": "unheard of"}]}, {"/tagged/0"}),
        ({"tagged": [{}]}, {"/tagged/0"}),
        ({"either": {"number": "x", "more": 1}}, {"/either/kind", "/either/number", "/either/more"}),
        ({"either": 3}, {"/either"}),
        ({"scalar": "x"}, {"/scalar"}),
        ({"counts": {"int": "x", "a/b~c": "y"}}, {"/counts/int", "/counts/a~1b~0c"}),
        ({"keyed": {"x": 1}}, {"/keyed/x"}),
        ({"theAlias": "x"}, {"/theAlias"}),
        ({"nested": {"number": "x"}}, {"/nested/number"}),
        ({"nested": []}, {"/nested"}),
        ({"tree": {"tree": {"counts": {"tree": "x"}}}}, {"/tree/tree/counts/tree"}),
        ([1], {""}),
    ],
)
async def test_a_pointer_leads_to_the_field_that_was_sent(
    client: httpx.AsyncClient, body: Any, expected: set[str]
) -> None:
    assert pointers(await client.post("/odd", json=body)) == expected


async def test_a_deep_pointer_is_found_at_once(client: httpx.AsyncClient) -> None:
    body: dict[str, Any] = {"counts": {"tree": "x"}}
    for _ in range(60):
        body = {"tree": body}

    assert pointers(await client.post("/odd", json=body)) == {"/tree" * 60 + "/counts/tree"}


async def test_a_field_inside_a_named_body_is_found_too(client: httpx.AsyncClient) -> None:
    assert pointers(await client.post("/embedded", json={"odd": {"scalar": "x"}})) == {"/odd/scalar"}
    assert pointers(await client.post("/embedded", json={})) == {"/odd"}


async def test_a_field_of_a_form_is_named_as_well(client: httpx.AsyncClient) -> None:
    assert pointers(await client.post("/form", data={"number": "x"})) == {"/number", "/count"}


async def test_a_parameter_is_named_by_its_place_and_name(client: httpx.AsyncClient) -> None:
    answer = await client.get("/items/x?ids=1&ids=zz", headers={"If-Match": "z"})

    assert pointers(answer) == {""}
    assert {error["parameter"] for error in answer.json()["errors"]} == {"path place", "query ids", "header if-match"}


@pytest.mark.parametrize(
    "content_type",
    [
        None,
        "text/plain",
        "application/x-www-form-urlencoded",
        "multipart/form-data; boundary=x",
        "text/json",
        "garbage",
    ],
)
async def test_a_json_route_takes_nothing_that_a_form_of_another_page_could_send(
    client: httpx.AsyncClient, content_type: str | None
) -> None:
    headers = {"Content-Type": content_type} if content_type else {}

    answer = await client.post("/odd", content=b'{"scalar": 1}', headers=headers)

    assert (answer.status_code, answer.json()["code"]) == (415, "unsupported-media-type")
    assert answer.headers["accept"] == "application/json"


@pytest.mark.parametrize("content_type", ["application/json", "application/json; charset=utf-8", "Application/JSON"])
async def test_json_that_says_so_is_taken(client: httpx.AsyncClient, content_type: str) -> None:
    answer = await client.post("/odd", content=b'{"scalar": 1}', headers={"Content-Type": content_type})

    assert answer.status_code == 200


@pytest.mark.parametrize(
    "body",
    [
        b'{"scalar": 1, "scalar": 2}',
        b'{"nested": {"number": 1, "number": 1}}',
        b'{"scalar": 1, "\\u0073calar": 2}',
        b'{"scalar": 1e400}',
        b'{"scalar": -1e999}',
        b'{"scalar": ' + b"1" * 4301 + b"}",
        "{}".encode("utf-16"),
        "{}".encode("utf-16-le"),
        b"\xef\xbb\xbf{}",
    ],
    ids=["twice", "twice inside", "twice escaped", "1e400", "-1e999", "4301 digits", "utf-16", "utf-16-le", "BOM"],
)
async def test_a_body_that_two_readers_could_read_differently_is_refused(
    client: httpx.AsyncClient, body: bytes
) -> None:
    answer = await client.post("/odd", content=body, headers={"Content-Type": "application/json"})

    assert (answer.status_code, answer.json()["code"]) == (400, "malformed-request")
