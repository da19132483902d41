"""Orders of lists: closed, stable under new rows, with cursors that fit one order only, and always on an index."""

from collections.abc import Awaitable, Callable
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest
from invoice_tests.make import Account, Json
from service_kit.testing.databases import ServiceDatabase
from sqlalchemy import event

NewAccount = Callable[..., Awaitable[Account]]
DUE = ["2026-12-24", None, "2026-12-01", "2026-12-24", None, "2027-01-15"]
"""Of the drafts Job 0 to Job 5."""


@pytest.fixture
async def dated(account: Account) -> Account:
    customer = await account.customer()
    for number, due in enumerate(DUE):
        await account.draft(customer_id=customer["id"], title=f"Job {number}", due_date=due)
    return account


async def _pages(account: Account, path: str, *, limit: int, **parameters: str) -> list[Json]:
    """Every row, following the Link header as a client of RFC 8288 does."""
    rows: list[Json] = []
    target: str | None = path
    query: dict[str, Any] = {"limit": limit, **parameters}
    while target is not None:
        response = await account.http.get(target, params=query, headers={"Authorization": f"Bearer {account.key}"})
        assert response.status_code == 200, response.text
        rows += response.json()["data"]
        next_page = response.links.get("next")
        assert (next_page is None) == (response.json()["next_cursor"] is None)
        target = None if next_page is None else urlsplit(next_page["url"]).path
        query = {} if next_page is None else parse_qs(urlsplit(next_page["url"]).query)
    return rows


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("created", [0, 1, 2, 3, 4, 5]),
        ("-created", [5, 4, 3, 2, 1, 0]),
        ("due", [2, 0, 3, 5, 1, 4]),
        ("-due", [4, 1, 5, 3, 0, 2]),
    ],
)
async def test_invoices_come_in_the_order_that_was_asked_for(dated: Account, sort: str, expected: list[int]) -> None:
    for limit in (1, 2, 100):
        rows = await _pages(dated, "/v1/invoices", limit=limit, sort=sort)

        assert [row["title"] for row in rows] == [f"Job {number}" for number in expected]


@pytest.mark.parametrize(
    ("sort", "expected"),
    [
        ("created", ["beta", "Ärzte", "Alpha", "Zeta", "alpha"]),
        ("-created", ["alpha", "Zeta", "Alpha", "Ärzte", "beta"]),
        ("name", ["Alpha", "alpha", "Ärzte", "beta", "Zeta"]),
        ("-name", ["Zeta", "beta", "Ärzte", "alpha", "Alpha"]),
    ],
)
async def test_customers_come_in_the_order_that_was_asked_for(account: Account, sort: str, expected: list[str]) -> None:
    for name in ("beta", "Ärzte", "Alpha", "Zeta", "alpha"):
        await account.customer(name=name)

    for limit in (1, 2, 100):
        rows = await _pages(account, "/v1/customers", limit=limit, sort=sort)

        assert [row["name"] for row in rows] == expected


async def test_the_longest_name_fits_into_a_cursor(account: Account) -> None:
    for number in range(3):
        await account.customer(name=f"{number}{'𝔛' * 199}")

    rows = await _pages(account, "/v1/customers", limit=1, sort="name")

    assert [row["name"][0] for row in rows] == ["0", "1", "2"]


async def test_rows_made_and_changed_while_paging_neither_repeat_nor_hide_the_others(dated: Account) -> None:
    first = await dated.get("/v1/invoices", limit=2, sort="due")
    await dated.draft(title="Before", due_date="2026-12-02")
    behind = await dated.draft(title="Behind", due_date="2026-12-31")
    seen = first["data"][0]
    await dated.send("PATCH", f"/v1/invoices/{seen['id']}", {"title": "Seen before"}, if_match='"1"')

    second = await dated.get("/v1/invoices", limit=100, sort="due", cursor=first["next_cursor"])

    titles = [row["title"] for row in second["data"]]
    assert titles == ["Job 3", behind["title"], "Job 5", "Job 1", "Job 4"]


async def test_a_cursor_fits_one_list_one_order_and_one_organisation(
    dated: Account, new_account: NewAccount, subtests: pytest.Subtests
) -> None:
    other = await new_account(name="Other Ltd")
    cursor = (await dated.get("/v1/invoices", limit=2, sort="due"))["next_cursor"]
    for account, path, parameters in (
        (dated, "/v1/invoices", {}),
        (dated, "/v1/invoices", {"sort": "-due"}),
        (dated, "/v1/invoices", {"sort": "due", "status": "draft"}),
        (dated, "/v1/customers", {}),
        (dated, "/v1/api-keys", {}),
        (dated, "/v1/audit-log", {}),
        (other, "/v1/invoices", {"sort": "due"}),
    ):
        with subtests.test(f"{path} {parameters} {account is other}"):
            response = await account.http.get(
                path, params={**parameters, "cursor": cursor}, headers={"Authorization": f"Bearer {account.key}"}
            )

            assert response.status_code == 400
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["code"] == "cursor-refused"
            assert response.json()["errors"][0]["parameter"] == "query cursor"


async def test_every_changed_character_of_a_cursor_is_noticed(dated: Account) -> None:
    cursor = (await dated.get("/v1/invoices", limit=2))["next_cursor"]
    changed = [
        cursor[:place] + ("A" if cursor[place] != "A" else "B") + cursor[place + 1 :] for place in range(len(cursor))
    ]

    answers = [
        await dated.http.get("/v1/invoices", params={"cursor": text}, headers={"Authorization": f"Bearer {dated.key}"})
        for text in changed
    ]

    assert {answer.status_code for answer in answers} == {400}


async def test_a_parameter_that_is_not_known_is_refused_by_name(account: Account, subtests: pytest.Subtests) -> None:
    for path, parameter in (
        ("/v1/invoices?statsu=paid", "statsu"),
        ("/v1/invoices?sort=total", "sort"),
        ("/v1/invoices?sort=due&sort=-due", "sort"),
        ("/v1/customers?status=draft", "status"),
        ("/v1/customers?sort=due", "sort"),
        ("/v1/settings/organization?expand=1", "expand"),
        ("/v1/audit-log?action=Send%20it", "action"),
        ("/v1/exports/payments?status=paid", "status"),
    ):
        with subtests.test(path):
            response = await account.send("GET", path)

            assert response.status_code == 422, response.text
            assert {row["parameter"] for row in response.json()["errors"]} == {f"query {parameter}"}


async def test_a_customers_page_and_a_probe_take_any_parameter(account: Account) -> None:
    assert (await account.http.get("/livez?from=a-proxy")).status_code == 200
    assert (await account.http.get("/i/unknown?utm_source=mail")).status_code == 404


INDEXED: list[tuple[str, dict[str, str], str, str]] = [
    ("/v1/invoices", {}, "ix_invoices_newest", "ROW(created_at, id)"),
    ("/v1/invoices", {"sort": "created"}, "ix_invoices_newest", "ROW(created_at, id)"),
    ("/v1/invoices", {"sort": "due"}, "ix_invoices_by_due", "ROW(CASE WHEN (due_date IS NULL)"),
    ("/v1/invoices", {"sort": "-due"}, "ix_invoices_by_due", "ROW(CASE WHEN (due_date IS NULL)"),
    ("/v1/customers", {}, "ix_customers_newest", "ROW(created_at, id)"),
    ("/v1/customers", {"sort": "name"}, "ix_customers_by_name", "ROW(sort_name, id)"),
    ("/v1/customers", {"sort": "-name"}, "ix_customers_by_name", "ROW(sort_name, id)"),
    ("/v1/audit-log", {}, "ix_audit_log_newest", "ROW(at, id)"),
    ("/v1/audit-log", {"action": "action_7"}, "ix_audit_log_action", "ROW(at, id)"),
    ("/v1/audit-log", {"actor": "actor_7"}, "ix_audit_log_actor", "ROW(at, id)"),
]


async def test_each_order_is_searched_on_its_index_under_row_security(
    account: Account, new_account: NewAccount, service_database: ServiceDatabase, subtests: pytest.Subtests
) -> None:
    for owner in (account, await new_account(name="Other Ltd")):
        await _fill(service_database, owner)

    for path, parameters, index, condition in INDEXED:
        with subtests.test(f"{path} {parameters}"):
            cursor = (await account.get(path, limit=10, **parameters))["next_cursor"]
            lines = await _plan_of(account, path, limit=10, cursor=cursor, **parameters)

            assert index in lines, lines
            assert "Seq Scan" not in lines, lines
            assert "Sort" not in lines, lines
            assert condition in lines.split("Index Cond", 1)[1].split("\n", 1)[0]


async def test_a_search_reads_the_index_of_words_under_row_security(
    account: Account, new_account: NewAccount, service_database: ServiceDatabase, subtests: pytest.Subtests
) -> None:
    for owner in (account, await new_account(name="Other Ltd")):
        await _fill(service_database, owner)

    for path, indexes in (
        ("/v1/invoices", ("invoice_search_tokens_pkey", "customer_search_tokens_pkey")),
        ("/v1/customers", ("customer_search_tokens_pkey",)),
    ):
        with subtests.test(path):
            lines = await _plan_of(account, path, q="word7777")

            assert "Seq Scan" not in lines, lines
            for index in indexes:
                reading = lines.split(f"using {index}" if f"using {index}" in lines else f"on {index}", 1)[1]
                assert "token >= " in reading.split("Index Cond", 1)[1].split("\n", 1)[0]


async def _plan_of(account: Account, path: str, **parameters: Any) -> str:
    """Of the very statement that a list runs, explained to the application's role, which row security holds."""
    said: list[tuple[str, Any]] = []

    def listen(_connection: Any, _cursor: Any, statement: str, values: Any, *_: Any) -> None:
        said.append((statement, values))

    engine = account.database.engine.sync_engine
    event.listen(engine, "before_cursor_execute", listen)
    try:
        await account.get(path, **parameters)
    finally:
        event.remove(engine, "before_cursor_execute", listen)
    [(statement, values)] = [(text, values) for text, values in said if "ORDER BY" in text and "LIMIT" in text]
    async with account.database.transaction(organization_id=account.organization_id) as session:
        plan = await (await session.connection()).exec_driver_sql(f"explain {statement}", values)
        return "\n".join(row[0] for row in plan)


async def _fill(service_database: ServiceDatabase, account: Account, *, count: int = 10_000) -> None:
    """Half of the rows of a table that two organisations share."""
    for statement in (
        "insert into invoice.customers (organization_id, id, name, created_at, updated_at) "
        "select $1, gen_random_uuid(), 'Firm ' || n, now() - n * interval '1 s', now() from generate_series(1, $2) n",
        "insert into invoice.customer_search_tokens select $1, 'word' || row_number() over (), id "
        "from invoice.customers where organization_id = $1 limit $2",
        "insert into invoice.invoices (organization_id, id, customer_id, currency, due_date, created_at, updated_at) "
        "select $1, gen_random_uuid(), id, 'EUR', date '2026-11-01' + (random() * 300)::int, created_at, now() "
        "from invoice.customers where organization_id = $1 limit $2",
        "insert into invoice.invoice_search_tokens select $1, 'word' || row_number() over (), id "
        "from invoice.invoices where organization_id = $1 limit $2",
        "insert into invoice.audit_log (organization_id, id, at, actor_kind, actor, action) "
        "select $1, gen_random_uuid(), now() - n * interval '1 s', 'operator', 'actor_' || n % 50, 'action_' || n % 50 "
        "from generate_series(1, $2) n",
    ):
        await service_database.fetch(statement, account.organization_id, count)
    for table in ("customers", "customer_search_tokens", "invoices", "invoice_search_tokens", "audit_log"):
        await service_database.fetch(f"analyze invoice.{table}")
