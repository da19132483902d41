"""CSV exports: complete or visibly broken off, of one moment, harmless in a spreadsheet, and never all in memory."""

import asyncio
import csv
import io
import json
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from typing import Any

import httpx
import pytest
from invoice_service.api.csv_answer import Amount, written
from invoice_service.api.exports import CHUNK_ROWS
from invoice_service.app import create_public_app
from invoice_service.dependencies import Dependencies
from invoice_service.export_slots import ExportSlots
from invoice_tests.driver import Driver
from invoice_tests.make import Account
from invoice_tests.scenes import sent_by_hand
from service_kit.http import listening, serve
from service_kit.identifiers import new_id
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import run_until

NewAccount = Callable[..., Awaitable[Account]]
MANY = 20_000


async def _table(account: Account, kind: str, **parameters: str) -> list[dict[str, str]]:
    response = await account.http.get(
        f"/v1/exports/{kind}", params=parameters, headers={"Authorization": f"Bearer {account.key}"}
    )
    assert response.status_code == 200, response.text
    return list(csv.DictReader(io.StringIO(response.text, newline=""), strict=True))


async def _fill(account: Account, service_database: ServiceDatabase, *, count: int = MANY) -> None:
    await service_database.fetch(
        "insert into invoice.customers (organization_id, id, name, created_at, updated_at) "
        "select $1, gen_random_uuid(), 'Firm ' || n, now() - n * interval '1 second', now() "
        "from generate_series(1, $2) n",
        account.organization_id,
        count,
    )


@dataclass
class RawAnswer:
    """What leaves the application, message by message; ``paused`` holds every chunk after the first back."""

    paused: bool = False
    chunks: list[bytes] = field(default_factory=list)
    status: int = 0
    ended: bool = False
    go_on: asyncio.Event = field(default_factory=asyncio.Event)
    gone: asyncio.Event = field(default_factory=asyncio.Event)

    async def ask(self, app: Any, account: Account, path: str) -> None:
        scope = {
            "type": "http",
            "asgi": {"version": "3.0", "spec_version": "2.3"},
            "http_version": "1.1",
            "method": "GET",
            "scheme": "http",
            "path": path,
            "raw_path": path.encode(),
            "query_string": b"",
            "root_path": "",
            "headers": [(b"authorization", f"Bearer {account.key}".encode())],
            "client": ("127.0.0.1", 4711),
            "server": ("invoices.test", 80),
        }
        await app(scope, self._receive(), self._send)

    def _receive(self) -> Callable[[], Awaitable[dict[str, Any]]]:
        asked = False

        async def receive() -> dict[str, Any]:
            nonlocal asked
            if not asked:
                asked = True
                return {"type": "http.request", "body": b"", "more_body": False}
            await self.gone.wait()
            return {"type": "http.disconnect"}

        return receive

    async def _send(self, message: Any) -> None:
        if message["type"] == "http.response.start":
            self.status = message["status"]
            return
        if message.get("body"):
            self.chunks.append(message["body"])
            if self.paused:
                await self.go_on.wait()
        self.ended = not message.get("more_body", False)


async def test_an_export_of_invoices_says_what_the_list_says(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)
    await account.post(f"{invoice.path}/payments", {"amount_minor": 10_000})
    shown = (await account.get("/v1/invoices"))["data"][0]

    [row] = await _table(account, "invoices")

    for name in ("id", "number", "headline", "title", "payment_status", "currency", "issue_date", "due_date"):
        assert row[name] == shown[name], name
    assert (row["customer_id"], row["customer_name"]) == (shown["customer"]["id"], shown["customer"]["name"])
    assert (row["total"], row["total_minor"]) == ("238.00", "23800")
    assert (row["paid"], row["due"], row["due_minor"]) == ("100.00", "138.00", "13800")
    assert row["created_at"] == shown["created_at"]
    assert row["overdue"] == "false"


async def test_amounts_have_the_digits_of_their_currency(account: Account) -> None:
    line = {"description": "Work", "quantity": "1", "unit_price": "1200"}
    await account.draft(currency="JPY", lines=[line])
    await account.draft(currency="KWD", lines=[{**line, "unit_price": "1.005"}])

    rows = await _table(account, "invoices")

    assert [(row["currency"], row["total"], row["total_minor"]) for row in rows] == [
        ("KWD", "1.005", "1005"),
        ("JPY", "1200", "1200"),
    ]


async def test_an_export_of_payments_shows_what_came_and_what_was_taken_back(account: Account, driver: Driver) -> None:
    invoice = await sent_by_hand(account, driver)
    paid = await account.post(f"{invoice.path}/payments", {"amount_minor": 10_000, "note": "=1+1"})
    await account.post(f"{invoice.path}/payments/{paid['id']}/reverse", {})

    back, came = await _table(account, "payments")

    assert (came["amount"], came["amount_minor"], came["kind"]) == ("100.00", "10000", "manual")
    assert (back["amount"], back["amount_minor"], back["kind"]) == ("-100.00", "-10000", "manual_reversal")
    assert came["invoice_number"] == (await invoice.read())["number"]
    assert came["customer_name"] == "Acme GmbH"
    assert came["note"] == "'=1+1"
    assert len(await _table(account, "payments", customer="cus_00000000000000000000000000")) == 0


async def test_the_filters_of_a_list_are_those_of_its_export(account: Account) -> None:
    draft = await account.draft(title="Found me")
    await account.draft(title="Other")
    await account.customer(name="Elsewhere Ltd")

    assert [row["title"] for row in await _table(account, "invoices", q="found")] == ["Found me"]
    assert [row["id"] for row in await _table(account, "invoices", customer=draft["customer"]["id"])] == [draft["id"]]
    assert await _table(account, "invoices", status="paid") == []
    assert [row["name"] for row in await _table(account, "customers", q="elsew")] == ["Elsewhere Ltd"]
    assert {row["action"] for row in await _table(account, "audit-log", object_type="customer")} == {"create_customer"}
    refused = await account.send("GET", "/v1/exports/invoices?statsu=paid")
    assert refused.status_code == 422


async def test_an_export_that_is_empty_has_its_header_row(account: Account) -> None:
    response = await account.send("GET", "/v1/exports/customers")

    assert response.headers["content-type"] == "text/csv; charset=utf-8"
    assert response.headers["content-disposition"].startswith('attachment; filename="customers-20')
    assert response.text.startswith("id,name,legal_name,contact_name,email,phone,address_line1,")
    assert response.text.count("\r\n") == 1


async def test_nothing_in_a_cell_becomes_a_formula_or_another_cell(account: Account) -> None:
    names = ["=1+1", "+1", "-1", "@SUM(A1)", "＝1", 'a "quoted", name', "plain", "x=1"]
    for name in names:
        await account.customer(name=name, notes=f"{name}\nsecond line")

    rows = await _table(account, "customers")

    guarded = [f"'{name}" if name[0] in "=+-@＝" else name for name in names]
    assert [row["name"] for row in reversed(rows)] == guarded
    assert all(row["notes"] == f"{row['name']}\nsecond line" for row in rows)


def test_cells_are_written_as_the_standard_says(subtests: pytest.Subtests) -> None:
    for cell, expected in (
        ("\tx", "'\tx"),
        ("\rx", '"\'\rx"'),
        ("\nx", '"\'\nx"'),
        ('"', '""""'),
        (None, '""'),
        (-5, "-5"),
        (Amount("-5.00"), "-5.00"),
        (True, "true"),
    ):
        with subtests.test(repr(cell)):
            assert written([[cell]]) == f"{expected}\r\n"


async def test_an_export_of_many_rows_streams_with_little_in_memory(
    account: Account, dependencies: Dependencies, service_database: ServiceDatabase
) -> None:
    await _fill(account, service_database)
    answer = RawAnswer(paused=True)

    asked = asyncio.create_task(answer.ask(create_public_app(dependencies), account, "/v1/exports/customers"))
    await run_until(lambda: len(answer.chunks) == 1)
    at_first = len(answer.chunks[0])
    answer.go_on.set()
    await asyncio.wait_for(asked, 60)

    whole = b"".join(answer.chunks).decode()
    assert answer.ended
    assert len(answer.chunks) == MANY // CHUNK_ROWS
    assert max(len(chunk) for chunk in answer.chunks) < 2 * at_first
    names = [row["name"] for row in csv.DictReader(io.StringIO(whole, newline=""))]
    assert names == [f"Firm {number}" for number in range(1, MANY + 1)]


async def test_an_export_shows_one_moment_although_others_go_on_writing(
    account: Account, dependencies: Dependencies, service_database: ServiceDatabase
) -> None:
    await _fill(account, service_database, count=2 * CHUNK_ROWS)
    answer = RawAnswer(paused=True)
    asked = asyncio.create_task(answer.ask(create_public_app(dependencies), account, "/v1/exports/customers"))
    await run_until(lambda: len(answer.chunks) == 1)

    await service_database.fetch("update invoice.customers set name = 'Changed'")
    await service_database.fetch("update invoice.customers set archived_at = now() where name < 'Firm 5'")
    answer.go_on.set()
    await asyncio.wait_for(asked, 30)

    whole = b"".join(answer.chunks).decode()
    assert whole.count("Firm ") == 2 * CHUNK_ROWS
    assert "Changed" not in whole


async def test_a_client_that_goes_away_ends_the_reading(
    account: Account, dependencies: Dependencies, service_database: ServiceDatabase
) -> None:
    await _fill(account, service_database, count=3 * CHUNK_ROWS)
    answer = RawAnswer(paused=True)
    asked = asyncio.create_task(answer.ask(create_public_app(dependencies), account, "/v1/exports/customers"))
    await run_until(lambda: len(answer.chunks) == 1)

    answer.gone.set()
    await asyncio.wait_for(asked, 10)

    open_now = await service_database.fetch(
        "select count(*) as n from pg_stat_activity where datname = $1 and state like 'idle in transaction%'",
        service_database.name,
    )
    assert len(answer.chunks) == 1
    assert not answer.ended
    assert open_now[0]["n"] == 0
    assert await _table(account, "customers", q="nobody") == []


@asynccontextmanager
async def _served(parts: Dependencies) -> AsyncIterator[str]:
    with listening(host="127.0.0.1", port=0) as probe:
        port = probe.getsockname()[1]
    stop = asyncio.Event()
    running = asyncio.create_task(serve([(create_public_app(parts), "127.0.0.1", port)], stop=stop))
    try:
        async with httpx.AsyncClient(base_url=f"http://127.0.0.1:{port}") as client:

            async def lives() -> bool:
                try:
                    return (await client.get("/livez")).is_success
                except httpx.ConnectError:
                    return False

            await run_until(lives)
        yield f"http://127.0.0.1:{port}"
    finally:
        stop.set()
        await running


async def test_an_export_that_fails_midway_does_not_look_complete(
    account: Account, dependencies: Dependencies, service_database: ServiceDatabase
) -> None:
    await _fill(account, service_database, count=20 * CHUNK_ROWS)
    # The last row cannot be written: its address is no object, which the code relies on.
    await service_database.fetch("alter table invoice.customers drop constraint customers_address_check")
    await service_database.fetch(
        "update invoice.customers set address = '[]' where name = $1", f"Firm {20 * CHUNK_ROWS}"
    )

    got: list[bytes] = []

    async def download(url: str) -> None:
        async with (
            httpx.AsyncClient(base_url=url, timeout=60) as client,
            client.stream("GET", "/v1/exports/customers", headers={"Authorization": f"Bearer {account.key}"}) as answer,
        ):
            assert answer.status_code == 200
            async for chunk in answer.aiter_bytes():
                got.append(chunk)

    async with _served(dependencies) as url:
        with pytest.raises(httpx.RemoteProtocolError, match="incomplete chunked read"):
            await download(url)

    assert b"Firm 1," in b"".join(got)


async def test_an_export_that_cannot_begin_is_a_problem(account: Account, service_database: ServiceDatabase) -> None:
    await service_database.fetch("alter table invoice.customers drop constraint customers_address_check")
    await account.customer()
    await service_database.fetch("update invoice.customers set address = '[]'")

    response = await account.send("GET", "/v1/exports/customers")

    assert response.status_code == 500
    assert response.headers["content-type"] == "application/problem+json"


async def test_every_export_is_in_the_audit_log_before_it_begins(account: Account, driver: Driver) -> None:
    for kind in ("invoices", "customers", "payments", "audit-log"):
        await _table(account, kind)
    await _table(account, "customers", q="canary-of-a-search")

    lines = await driver.query(
        "select action, actor, object_id, address, details::text as details from invoice.audit_log "
        "where action like 'export%' order by at, id"
    )

    assert [(line["action"], line["object_id"]) for line in lines] == [
        ("export_invoices", "invoices"),
        ("export_customers", "customers"),
        ("export_payments", "payments"),
        ("export_audit_log", "audit-log"),
        ("export_customers", "customers"),
    ]
    assert all(line["actor"].startswith("key_") and line["address"] == "127.0.0.1" for line in lines)
    assert json.loads(lines[-1]["details"]) == {"filters": ["q"]}


async def test_an_export_of_another_organisation_holds_nothing_of_ours(
    account: Account, new_account: NewAccount, driver: Driver
) -> None:
    invoice = await sent_by_hand(account, driver)
    await account.post(f"{invoice.path}/payments", {"amount_minor": 10_000})
    other = await new_account(name="Other Ltd")

    tables = {kind: await _table(other, kind) for kind in ("invoices", "customers", "payments")}

    assert tables == {"invoices": [], "customers": [], "payments": []}
    assert {row["action"] for row in await _table(other, "audit-log")} == {
        "export_invoices",
        "export_customers",
        "export_payments",
        "export_audit_log",
    }


async def test_only_so_many_exports_run_at_once(
    account: Account, new_account: NewAccount, dependencies: Dependencies, service_database: ServiceDatabase
) -> None:
    other = await new_account(name="Other Ltd")
    await _fill(account, service_database, count=2 * CHUNK_ROWS)
    app = create_public_app(replace(dependencies, exports=ExportSlots(count_max=2, of_one_max=1)))
    first, second, foreign = RawAnswer(paused=True), RawAnswer(), RawAnswer()
    asked = asyncio.create_task(first.ask(app, account, "/v1/exports/customers"))
    await run_until(lambda: len(first.chunks) == 1)

    await second.ask(app, account, "/v1/exports/customers")
    await foreign.ask(app, other, "/v1/exports/customers")
    first.go_on.set()
    await asked
    third = RawAnswer()
    await third.ask(app, account, "/v1/exports/customers")

    assert (first.status, second.status, foreign.status, third.status) == (200, 429, 200, 200)
    assert json.loads(b"".join(second.chunks))["code"] == "exports-busy"


def test_slots_are_given_back_whatever_happens() -> None:
    slots, organization_id = ExportSlots(count_max=1, of_one_max=1), new_id()

    for _ in range(3):
        with pytest.raises(KeyError), slots.take(organization_id):
            raise KeyError
