"""One organisation never sees another's: not through the API, not by a forgotten condition, not with none set."""

from collections.abc import Awaitable, Callable

import pytest
from invoice_tests.make import Account, customer_body, draft_body
from service_kit.identifiers import new_id
from service_kit.testing.databases import ServiceDatabase
from sqlalchemy import text
from sqlalchemy.exc import ProgrammingError

NewAccount = Callable[..., Awaitable[Account]]
WITHOUT_ORGANIZATION = {"alembic_version", "app_clock", "sign_in_failures"}
OF_PERSONS = {"users", "user_sessions"}
"""Walled by the person instead; who belongs to an organisation is seen by its members."""
SEEN_BY_THEMSELVES = {"memberships_own", "organizations_own"}
"""Policies that only let a person read what they belong to."""


@pytest.fixture
async def other(new_account: NewAccount) -> Account:
    return await new_account(name="Other Ltd")


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_another_organisations_customer_does_not_exist(account: Account, other: Account, method: str) -> None:
    customer = await account.customer()

    body = {"notes": "mine"} if method == "PATCH" else None
    response = await other.send(method, f"/v1/customers/{customer['id']}", body)

    assert response.status_code == 404
    assert (await account.get(f"/v1/customers/{customer['id']}"))["archived_at"] is None


@pytest.mark.parametrize("method", ["GET", "PATCH", "DELETE"])
async def test_another_organisations_invoice_does_not_exist(account: Account, other: Account, method: str) -> None:
    draft = await account.draft()

    body = {"title": "mine"} if method == "PATCH" else None
    response = await other.send(method, f"/v1/invoices/{draft['id']}", body, if_match='"1"')

    assert response.status_code == 404
    assert (await account.get(f"/v1/invoices/{draft['id']}"))["title"] == "Work in November"


async def test_another_organisations_template_does_not_exist(account: Account, other: Account) -> None:
    template = (await account.get("/v1/templates"))["data"][0]

    response = await other.send("GET", f"/v1/templates/{template['id']}")

    assert response.status_code == 404


async def test_a_draft_cannot_name_another_organisations_customer(account: Account, other: Account) -> None:
    customer = await account.customer()

    response = await other.send("POST", "/v1/invoices", draft_body(customer_id=customer["id"]))

    assert response.status_code == 422
    assert response.json()["code"] == "customer-unknown"
    assert response.json()["errors"][0]["pointer"] == "/customer_id"


async def test_a_draft_cannot_start_from_another_organisations_template(account: Account, other: Account) -> None:
    template = (await account.get("/v1/templates"))["data"][0]
    customer = await other.customer()

    response = await other.send("POST", "/v1/invoices", {"customer_id": customer["id"], "template_id": template["id"]})

    assert response.status_code == 422
    assert response.json()["code"] == "template-unknown"


async def test_lists_and_searches_stay_within_the_organisation(account: Account, other: Account) -> None:
    await account.draft()

    assert (await other.get("/v1/invoices"))["data"] == []
    assert (await other.get("/v1/invoices", q="november"))["data"] == []
    assert (await other.get("/v1/customers", q="acme"))["data"] == []


async def test_a_cursor_of_another_organisation_is_refused(account: Account, other: Account) -> None:
    for number in range(2):
        await account.post("/v1/customers", customer_body(name=f"Acme {number}"))
    cursor = (await account.get("/v1/customers", limit=1))["next_cursor"]

    response = await other.http.get(
        "/v1/customers", params={"limit": 1, "cursor": cursor}, headers={"Authorization": f"Bearer {other.key}"}
    )

    assert response.status_code == 400


async def _tables(database: ServiceDatabase) -> dict[str, bool]:
    """Every table of the schema, and whether row security is on and forced."""
    rows = await database.fetch(
        "select relname, relrowsecurity and relforcerowsecurity as walled from pg_class c "
        "join pg_namespace n on n.oid = c.relnamespace where nspname = 'invoice' and relkind in ('r', 'p')"
    )
    return {row["relname"]: row["walled"] for row in rows}


async def test_every_table_of_an_organisation_is_walled_for_good(service_database: ServiceDatabase) -> None:
    tables = await _tables(service_database)
    policies = await service_database.fetch(
        "select tablename, policyname, roles::text[] as roles, cmd, qual, with_check "
        "from pg_policies where schemaname = 'invoice'"
    )
    app = service_database.role("invoice", "app")

    owned = {name for name in tables if name not in WITHOUT_ORGANIZATION}
    assert len(owned) >= 17
    assert {name for name in owned if not tables[name]} == set()
    for name in owned:
        mine = [policy for policy in policies if policy["tablename"] == name and app in policy["roles"]]
        writing = [policy for policy in mine if policy["cmd"] != "SELECT"]
        assert len(writing) == 1, name
        setting = "app.user_id" if name in OF_PERSONS else "app.organization_id"
        for rule in (writing[0]["qual"], writing[0]["with_check"]):
            assert f"NULLIF(current_setting('{setting}'" in rule, name
        for policy in mine:
            seen_by = "app.user_id" if policy["policyname"] in SEEN_BY_THEMSELVES else "app.organization_id"
            assert policy in writing or f"current_setting('{seen_by}'" in policy["qual"], policy["policyname"]
    assert all("public" not in policy["roles"] for policy in policies)


async def test_every_table_but_few_has_an_organisation(service_database: ServiceDatabase) -> None:
    rows = await service_database.fetch(
        "select table_name from information_schema.columns where table_schema = 'invoice' and "
        "(column_name = 'organization_id' or (table_name = 'organizations' and column_name = 'id'))"
    )

    assert set(await _tables(service_database)) - {row["table_name"] for row in rows} == (
        WITHOUT_ORGANIZATION | OF_PERSONS
    )


async def test_without_an_organisation_the_app_role_sees_no_row(
    account: Account, service_database: ServiceDatabase
) -> None:
    await account.draft()
    tables = set(await _tables(service_database)) - WITHOUT_ORGANIZATION

    async with account.database.transaction(organization_id=None) as session:
        connection = await session.connection()
        seen = {name: (await connection.execute(text(f"select count(*) from {name}"))).scalar_one() for name in tables}

    assert {name: count for name, count in seen.items() if count} == {}


async def test_one_organisation_cannot_write_a_row_for_another(account: Account, other: Account) -> None:
    with pytest.raises(ProgrammingError, match="row-level security"):
        async with account.database.transaction(organization_id=account.organization_id) as session:
            await (await session.connection()).execute(
                text(
                    "insert into customers (organization_id, id, name, created_at, updated_at) "
                    "values (:organization_id, :id, 'planted', now(), now())"
                ),
                {"organization_id": other.organization_id, "id": new_id()},
            )


async def test_the_app_role_owns_nothing_and_cannot_pass_the_walls(service_database: ServiceDatabase) -> None:
    roles = await service_database.fetch(
        "select rolname, rolsuper, rolbypassrls, rolcreaterole, rolcreatedb from pg_roles where rolname = any($1)",
        [service_database.role("invoice", kind) for kind in ("owner", "app", "worker")],
    )
    owners = await service_database.fetch("select distinct tableowner from pg_tables where schemaname = 'invoice'")

    assert len(roles) == 3
    assert all(not any(list(row.values())[1:]) for row in roles)
    assert {row["tableowner"] for row in owners} == {service_database.role("invoice", "owner")}


async def test_the_worker_role_reaches_only_messages(service_database: ServiceDatabase) -> None:
    rows = await service_database.fetch(
        "select table_name from information_schema.role_table_grants where grantee = $1 and table_schema = 'invoice'",
        service_database.role("invoice", "worker"),
    )

    assert {row["table_name"] for row in rows} <= {"outbox", "inbox", "app_clock", "alembic_version"}


async def test_every_key_begins_with_the_organisation(service_database: ServiceDatabase) -> None:
    rows = await service_database.fetch(
        "select c.relname as table, i.relname as index, a.attname as first from pg_index x "
        "join pg_class c on c.oid = x.indrelid join pg_class i on i.oid = x.indexrelid "
        "join pg_namespace n on n.oid = c.relnamespace "
        "join pg_attribute a on a.attrelid = c.oid and a.attnum = x.indkey[0] "
        "where n.nspname = 'invoice' and x.indisunique"
    )

    messages = {"outbox", "inbox", "app_clock", "alembic_version", "sign_in_failures", *OF_PERSONS}
    wrong = {row["index"] for row in rows if row["table"] not in messages and row["first"] != "organization_id"}
    assert wrong == {"organizations_pkey"}
