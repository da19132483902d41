"""Each operation of the committed document as a person meets it: what is another organisation's does not exist, reading
changes nothing, and an answer is what the document says and nothing beside it."""

import json
from collections.abc import Awaitable, Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import httpx
import pytest
from contracts.ids import format_id
from invoice_service.domain.permissions import Role
from invoice_tests.driver import Driver
from invoice_tests.every_operation import CALLS, Call, Stage, operations_of
from invoice_tests.make import Account, Json
from invoice_tests.people import SignedInPerson

NewAccount = Callable[..., Awaitable[Account]]
NewPerson = Callable[..., Awaitable[SignedInPerson]]
DOCUMENT: Json = json.loads((Path(__file__).parents[4] / "docs" / "api" / "openapi.json").read_text(encoding="utf-8"))
OPERATIONS = operations_of(DOCUMENT)
NOBODYS = "00000000000000000000000000"
EXPORTS = {name for name in CALLS if name.startswith("export_")}
"""They are noted in the audit log, each with one line and with nothing else."""
NOT_JSON = {"get_invoice_pdf": "application/pdf", **dict.fromkeys(EXPORTS, "text/csv; charset=utf-8")}


@pytest.fixture
def stage(account: Account, driver: Driver) -> Stage:
    return Stage(account=account, driver=driver)


async def _send(
    person: SignedInPerson, name: str, call: Call, *, organization_id: str = "", target: Mapping[str, str] | None = None
) -> httpx.Response:
    operation = OPERATIONS[name]
    path = httpx.URL(operation.path.format(**(target or call.target)), params=dict(call.query))
    headers = {header.replace("-", "_"): value for header, value in call.headers.items()}
    if organization_id:
        headers["x_organization_id"] = organization_id
    return await person.send(operation.method, str(path), call.body, **headers)


@pytest.mark.parametrize("name", sorted(name for name in CALLS if "{" in OPERATIONS[name].path))
async def test_an_owner_elsewhere_finds_nothing_of_ours_by_its_id(
    name: str, stage: Stage, new_account: NewAccount, new_person: NewPerson
) -> None:
    other = await new_account(name="Other Ltd")
    stranger = await new_person(memberships={other.organization_id: Role.OWNER})
    owner = await new_person(memberships={stage.account.organization_id: Role.OWNER})
    call = await CALLS[name](stage)
    nobodys = {field: f"{value.split('_')[0]}_{NOBODYS}" for field, value in call.target.items()}

    foreign = await _send(stranger, name, call)
    absent = await _send(stranger, name, call, target=nobodys)
    named = await _send(stranger, name, call, organization_id=format_id("org", stage.account.organization_id))
    own = await _send(owner, name, call)

    assert (foreign.status_code, absent.status_code, named.status_code) == (404, 404, 404)
    assert _said(foreign) == _said(absent)
    assert named.json()["code"] == "organization-not-found"
    assert own.is_success, own.text


@pytest.mark.parametrize("name", sorted(name for name in CALLS if OPERATIONS[name].method == "GET"))
async def test_reading_changes_no_row(name: str, stage: Stage, new_person: NewPerson) -> None:
    owner = await new_person(memberships={stage.account.organization_id: Role.OWNER})
    call = await CALLS[name](stage)
    before = await _rows(stage)

    answers = [await _send(owner, name, call) for _ in range(2)]
    after = await _rows(stage)

    assert [answer.status_code for answer in answers] == [200, 200]
    added = {table: len(rows) - len(before[table]) for table, rows in after.items() if rows != before[table]}
    assert added == ({"audit_log": 2} if name in EXPORTS else {})
    assert set(before["audit_log"]) <= set(after["audit_log"])


@pytest.mark.parametrize("name", sorted(CALLS))
async def test_an_answer_says_its_type_and_holds_the_described_fields_and_no_other(name: str, stage: Stage) -> None:
    call = await CALLS[name](stage)

    answer = await OPERATIONS[name].send(stage.account, call)

    assert answer.is_success, answer.text
    assert answer.headers["x-content-type-options"] == "nosniff"
    if not answer.content:
        assert answer.status_code == 204
        return
    assert answer.headers["content-type"] == NOT_JSON.get(name, "application/json")
    if name in NOT_JSON:
        assert answer.headers["content-disposition"].startswith(("attachment", "inline"))
        return
    schema = _answer_of(name)
    assert schema, f"{name} describes no answer"
    assert list(_differences(answer.json(), schema, at="")) == []


def test_a_field_too_many_and_one_too_few_are_seen() -> None:
    schema = {"type": "object", "properties": {"id": {"type": "string"}, "name": {"type": "string"}}}

    assert list(_differences({"id": "1", "password_hash": "x"}, schema, at="")) == ["/name", "/password_hash"]
    assert list(_differences([{"id": "1", "name": "A"}], {"type": "array", "items": schema}, at="")) == []


def _answer_of(name: str) -> Json:
    operation = DOCUMENT["paths"][OPERATIONS[name].path][OPERATIONS[name].method.lower()]
    success = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
    found: Json = success["content"]["application/json"]["schema"]
    return found


def _differences(value: Any, schema: Mapping[str, Any], *, at: str) -> Iterator[str]:
    """Where a value has a field that its schema does not name, or lacks one that it does."""
    named = _objects_of(schema)
    if isinstance(value, list):
        for index, one in enumerate(value):
            yield from _differences(one, _items_of(schema), at=f"{at}/{index}")
    elif isinstance(value, dict) and named:
        properties = named.get("properties")
        if properties is None:
            return
        yield from sorted(f"{at}/{field}" for field in set(properties) ^ set(value))
        for field in set(properties) & set(value):
            yield from _differences(value[field], properties[field], at=f"{at}/{field}")


def _objects_of(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """The one object that the schema speaks of, behind references and beside null."""
    if "$ref" in schema:
        return _objects_of(DOCUMENT["components"]["schemas"][schema["$ref"].rsplit("/", 1)[1]])
    for one in schema.get("anyOf", schema.get("allOf", ())):
        found = _objects_of(one)
        if found:
            return found
    return schema if schema.get("type") == "object" or "properties" in schema else {}


def _items_of(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    if "items" in schema:
        items: Mapping[str, Any] = schema["items"]
        return items
    return next((_items_of(one) for one in schema.get("anyOf", ()) if "items" in one), {})


def _said(answer: httpx.Response) -> Json:
    content: Json = answer.json()
    return {name: value for name, value in content.items() if name != "request_id"}


async def _rows(stage: Stage) -> dict[str, list[str]]:
    """Every row of the service's schema, by table."""
    tables = await stage.driver.query("select tablename as name from pg_tables where schemaname = 'invoice'")
    assert len(tables) > 20
    return {
        table["name"]: [
            row["row"]
            for row in await stage.driver.query(f'select t::text as row from invoice."{table["name"]}" t order by 1')
        ]
        for table in tables
    }
