"""Each operation of the OpenAPI document: the owner of a thing gets a success, and to others it does not exist.

An operation that `invoice_tests.every_operation` does not know fails here, so none can be added unwalked.
"""

from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from dataclasses import replace
from typing import Any

import httpx
import pytest
from contracts.ids import format_id
from invoice_service.app import create_public_app, describe_public_api
from invoice_tests import make
from invoice_tests.driver import Driver
from invoice_tests.every_operation import CALLS, Stage, operations_of
from invoice_tests.make import Account
from service_kit.testing.databases import ServiceDatabase

OPERATIONS = operations_of(describe_public_api())
OF_NO_ORGANIZATION = {"get_session", "end_session", "list_sessions", "end_all_sessions", "end_one_session"}
"""About the person who asks, whatever they belong to."""
PLAYED_ELSEWHERE = {"set_stripe_secret_key": "test_stripe_settings"}
"""They need another service, which the named file plays."""
NOBODYS = "00000000000000000000000000"


@pytest.fixture
async def driver(service_database: ServiceDatabase) -> AsyncIterator[Driver]:
    driver = Driver(service_database)
    yield driver
    await driver.close()


@pytest.fixture
def stage(account: Account, driver: Driver) -> Stage:
    return Stage(account=account, driver=driver)


def test_every_operation_is_walked() -> None:
    assert set(OPERATIONS) == set(CALLS) | set(PLAYED_ELSEWHERE) | OF_NO_ORGANIZATION


@pytest.fixture(params=["both walls", "queries alone"])
async def other(
    request: pytest.FixtureRequest, new_account: Callable[..., Awaitable[Account]], service_database: ServiceDatabase
) -> AsyncIterator[Account]:
    """Another organisation. Behind *queries alone* its requests run as the schema's owner, whom row security shows
    everything: a query that forgot its organisation has nothing to hide behind there."""
    account = await new_account(name="Other Ltd")
    if request.param == "both walls":
        yield account
        return
    app = create_public_app(make.dependencies(service_database.open("invoice", "owner")))
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=app), base_url="http://invoices.test") as client:
        yield replace(account, http=client)


@pytest.mark.parametrize("name", sorted(name for name in CALLS if "{" in OPERATIONS[name].path))
async def test_what_is_its_owners_does_not_exist_for_another_organisation(
    name: str, stage: Stage, other: Account
) -> None:
    operation = OPERATIONS[name]
    call = await CALLS[name](stage)
    before = await _picture(stage)

    foreign = await operation.send(other, call)
    untouched = await _picture(stage)
    own = await operation.send(stage.account, call)
    foreign_again = await operation.send(other, call)
    absent = await operation.send(other, _with_ids_of_nobody(call))

    assert own.is_success, own.text
    assert (foreign.status_code, foreign_again.status_code, absent.status_code) == (404, 404, 404), foreign.text
    assert _said(foreign) == _said(absent)
    assert untouched == before


@pytest.mark.parametrize("name", sorted(name for name in CALLS if "{" not in OPERATIONS[name].path))
async def test_what_has_no_id_shows_only_the_callers_own(name: str, stage: Stage, other: Account) -> None:
    operation = OPERATIONS[name]
    call = await CALLS[name](stage)
    own = await operation.send(stage.account, call)
    known = await _ids_of(stage)

    foreign = await operation.send(other, call)

    assert own.is_success, own.text
    assert len(known) >= 5
    assert {one for one in known if one in foreign.text} == set(), "an id of another organisation was shown"


def _with_ids_of_nobody(call: Any) -> Any:
    target = {name: f"{value.split('_')[0]}_{NOBODYS}" for name, value in call.target.items()}
    return type(call)(target=target, body=call.body, query=call.query, headers=call.headers)


def _said(answer: httpx.Response) -> Mapping[str, Any]:
    content: dict[str, Any] = answer.json()
    return {name: value for name, value in content.items() if name != "request_id"}


async def _picture(stage: Stage) -> list[Any]:
    """Every row of the organisation that a request could have changed."""
    tables = (
        "customers",
        "templates",
        "invoices",
        "ledger_entries",
        "organizations",
        "api_keys",
        "invitations",
        "memberships",
    )
    rows: list[Any] = []
    for table in tables:
        key = "id" if table == "organizations" else "organization_id"
        left_out = "- 'last_used_at'" if table == "api_keys" else ""
        rows += await stage.driver.query(
            f"select (to_jsonb(t) {left_out})::text as row from invoice.{table} t where {key} = $1 order by 1",
            stage.account.organization_id,
        )
    return [row["row"] for row in rows]


async def _ids_of(stage: Stage) -> set[str]:
    """The ids that only this organisation has, as they end in every text form of them."""
    tables = await stage.driver.query(
        "select table_name from information_schema.columns where table_schema = 'invoice' and data_type = 'uuid' "
        "and column_name in ('organization_id', 'id') group by 1 having count(*) = 2"
    )
    rows: list[Any] = []
    for table in tables:
        rows += await stage.driver.query(
            f"select id from invoice.{table['table_name']} where organization_id = $1", stage.account.organization_id
        )
    return {format_id("x", row["id"]).removeprefix("x_") for row in rows}
