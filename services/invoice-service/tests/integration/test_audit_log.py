"""The audit log: one line for each write, in its transaction, readable by owners, changed by nobody."""

from collections.abc import Awaitable, Callable, Iterator
from dataclasses import replace
from typing import Any

import asyncpg
import pytest
from contracts.ids import format_id
from invoice_service.actions.record_audit import record_audit
from invoice_service.app import describe_public_api
from invoice_service.dependencies import Dependencies
from invoice_service.domain.actors import OPERATOR
from invoice_service.domain.permissions import Role
from invoice_tests.driver import Driver
from invoice_tests.every_operation import CALLS, Stage, operations_of
from invoice_tests.make import Account
from invoice_tests.people import person
from invoice_tests.scenes import connection
from service_kit.testing.databases import ServiceDatabase
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError

NewAccount = Callable[..., Awaitable[Account]]
OPERATIONS = operations_of(describe_public_api())
WRITES = sorted(name for name in CALLS if OPERATIONS[name].method != "GET")
SHORTEST_TELLING_VALUE = 6
NOTED = {"create_invitation": {"email", "role"}, "create_api_key": {"scopes"}}
"""Fields whose value is noted on purpose: an owner has to see who was let in, and to what."""


async def _lines(driver: Driver, account: Account) -> list[asyncpg.Record]:
    return await driver.query(
        "select *, a::text as whole from invoice.audit_log a where organization_id = $1 order by at, id",
        account.organization_id,
    )


def _values(body: Any) -> Iterator[str]:
    """Every text in a body that is long enough to be told from a word of ours."""
    if isinstance(body, dict):
        for value in body.values():
            yield from _values(value)
    elif isinstance(body, list):
        for value in body:
            yield from _values(value)
    elif isinstance(body, str) and len(body) >= SHORTEST_TELLING_VALUE:
        yield body


@pytest.mark.parametrize("name", WRITES)
async def test_each_write_leaves_one_line_and_what_changes_nothing_leaves_none(
    name: str, account: Account, driver: Driver
) -> None:
    operation = OPERATIONS[name]
    call = await CALLS[name](Stage(account=account, driver=driver))
    headers = {**call.headers, "User-Agent": "curl"}
    call = replace(call, headers={**headers, "Idempotency-Key": "k"})
    refused_call = replace(call, headers={**headers, "Idempotency-Key": "r"}, body={"no_such_field": 1})
    before = await _lines(driver, account)

    refused = await operation.send(account, refused_call) if call.body is not None else None
    after_refusal = await _lines(driver, account)
    done = await operation.send(account, call)
    new = (await _lines(driver, account))[len(before) :]
    again = await operation.send(account, call)

    assert refused is None or refused.status_code == 422
    assert len(after_refusal) == len(before)
    assert done.is_success, done.text
    [line] = new
    assert (line["actor_kind"], line["actor"]) == ("api_key", format_id("key", account.key_id))
    assert (line["action"], line["address"], line["user_agent"]) == (name, "127.0.0.1", "curl")
    assert line["request_id"] == done.headers["x-request-id"]
    assert line["object_type"]
    if call.target:
        assert line["object_id"] == list(call.target.values())[-1]
    else:
        assert line["object_id"] == done.json()["id"]
    unnoted = {field: value for field, value in (call.body or {}).items() if field not in NOTED.get(name, ())}
    assert [value for value in _values(unnoted) if value in line["whole"]] == []
    assert again.headers["idempotency-replayed"] == "true"
    assert len(await _lines(driver, account)) == len(before) + 1


async def test_a_write_that_is_undone_leaves_no_line(account: Account, driver: Driver) -> None:
    draft = await account.draft()
    before = await _lines(driver, account)

    stale = await account.send("PATCH", f"/v1/invoices/{draft['id']}", {"title": "A"}, if_match='"9"')
    absent = await account.send("POST", "/v1/invoices/inv_00000000000000000000000000/send", {})

    assert (stale.status_code, absent.status_code) == (412, 404)
    assert await _lines(driver, account) == before


async def test_reading_leaves_no_line(account: Account, driver: Driver) -> None:
    draft = await account.draft()
    before = await _lines(driver, account)

    for path in ("/v1/invoices", f"/v1/invoices/{draft['id']}", "/v1/customers", "/v1/audit-log", "/v1/api-keys"):
        await account.get(path)

    assert await _lines(driver, account) == before


async def test_owners_read_who_did_what(account: Account) -> None:
    customer = await account.customer()
    await account.send("PATCH", f"/v1/customers/{customer['id']}", {"notes": "Pays late", "phone": "1"})

    page = await account.get("/v1/audit-log")

    newest = page["data"][0]
    assert newest["id"].startswith("aud_")
    assert newest["actor"] == {"kind": "api_key", "id": format_id("key", account.key_id), "name": "tests"}
    assert (newest["action"], newest["target"]) == ("edit_customer", {"type": "customer", "id": customer["id"]})
    assert newest["details"] == {"fields": ["notes", "phone"]}
    assert (newest["address"], newest["request_id"][:4]) == ("127.0.0.1", "req_")


async def test_a_person_is_named_as_they_were(account: Account, dependencies: Dependencies, driver: Driver) -> None:
    owner = await person(dependencies, account.http, memberships={account.organization_id: Role.OWNER})
    await owner.post("/v1/customers", {"name": "Acme"})
    await driver.query("update invoice.users set email = 'later@example.com'")

    [line] = (await account.get("/v1/audit-log"))["data"]

    assert line["actor"] == {"kind": "person", "id": owner.id, "name": owner.email}


async def test_the_log_is_filtered_and_read_in_pages(account: Account) -> None:
    first = await account.customer(name="First")
    second = await account.customer(name="Second")
    await account.draft(customer_id=first["id"])

    async def found(**wanted: str) -> list[str]:
        return [row["target"]["id"] for row in (await account.get("/v1/audit-log", **wanted))["data"]]

    [made] = await found(action="create_draft")
    assert await found(action="create_customer") == [second["id"], first["id"]]
    assert await found(object_id=first["id"]) == [first["id"]]
    assert await found(object_type="invoice") == [made]
    assert len(await found(actor=format_id("key", account.key_id))) == 3
    assert await found(actor="operator") == []
    moment = (await account.get("/v1/audit-log", object_id=second["id"]))["data"][0]["created_at"]
    assert await found(**{"created[gte]": moment}) == [made, second["id"]]
    assert await found(**{"created[lte]": moment}) == [second["id"], first["id"]]
    one = await account.get("/v1/audit-log", limit=2)
    two = await account.get("/v1/audit-log", limit=2, cursor=one["next_cursor"])
    assert [row["target"]["id"] for row in one["data"] + two["data"]] == [made, second["id"], first["id"]]


async def test_only_owners_and_admin_keys_read_the_log(
    account: Account, new_account: NewAccount, dependencies: Dependencies
) -> None:
    accountant = await person(dependencies, account.http, memberships={account.organization_id: Role.ACCOUNTANT})
    narrow = await new_account(scopes=["read", "write"])

    answers = [await accountant.send("GET", "/v1/audit-log"), await narrow.send("GET", "/v1/audit-log")]

    assert [answer.status_code for answer in answers] == [403, 403]


async def test_the_log_of_another_organisation_is_not_shown(account: Account, new_account: NewAccount) -> None:
    customer = await account.customer()
    other = await new_account(name="Other Ltd")

    assert (await other.get("/v1/audit-log"))["data"] == []
    assert (await other.get("/v1/audit-log", object_id=customer["id"]))["data"] == []


@pytest.mark.parametrize("role", ["app", "owner"])
@pytest.mark.parametrize(
    "statement",
    ["update invoice.audit_log set actor = 'nobody'", "delete from invoice.audit_log", "truncate invoice.audit_log"],
)
async def test_no_line_is_changed_or_removed_by_anybody(
    role: str, statement: str, account: Account, service_database: ServiceDatabase, driver: Driver
) -> None:
    await account.customer()
    before = await _lines(driver, account)
    database = service_database.open("invoice", role)

    with pytest.raises(DBAPIError, match="never change" if role == "owner" else "permission denied"):
        async with database.transaction(organization_id=account.organization_id) as session:
            await (await session.connection()).execute(text(statement))

    assert await _lines(driver, account) == before


async def test_a_line_is_undone_with_its_write(account: Account, driver: Driver) -> None:
    before = await _lines(driver, account)

    async def write_and_fail() -> None:
        async with account.database.transaction(organization_id=account.organization_id) as session:
            await record_audit(session, organization_id=account.organization_id, actor=OPERATOR, action="bootstrap")
            raise RuntimeError("after the line")

    with pytest.raises(RuntimeError, match="after the line"):
        await write_and_fail()

    assert await _lines(driver, account) == before


async def test_a_changed_stripe_connection_is_noted_once(account: Account, driver: Driver) -> None:
    news = connection(account, version=2)

    await driver.hear(news)
    await driver.hear(news)
    await driver.hear(connection(account, version=1))

    [line] = await _lines(driver, account)
    assert (line["actor_kind"], line["actor"]) == ("system", "payment-service")
    assert (line["action"], line["object_id"]) == ("stripe_connection_changed", news.account_id)


async def test_text_from_outside_cannot_break_the_log(account: Account, driver: Driver) -> None:
    await account.send("POST", "/v1/customers", {"name": "A"}, user_agent="x" * 5_000)

    [line] = await _lines(driver, account)

    assert line["user_agent"] == "x" * 200
