"""Code that runs while a newer migration adds a column to what finds people and keys goes on as before."""

import pytest
from invoice_service.domain.permissions import Role
from invoice_tests.make import Account
from invoice_tests.signing_in import JOHANNA, PASSWORD, House

FINDERS = {
    "find_api_key": "uuid",
    "find_session": "bytea",
    "find_user_by_email": "text",
    "find_account_secret": "bytea",
}


async def _widen(house: House, name: str, wanted: str) -> None:
    """As a migration would that gives the function one column more."""
    signature = f"invoice.{name} ({wanted})"
    (row,) = await house.postgres.fetch("select pg_get_function_result($1::text::regprocedure) as columns", signature)
    wider = row["columns"].removesuffix(")") + ", added_later text)"
    await house.postgres.fetch(f"alter function {signature} rename to {name}_before")
    await house.postgres.fetch(
        f"create function invoice.{name}(wanted {wanted}) returns {wider} language sql stable security definer rows 1 "
        "set search_path = invoice, pg_temp "
        f"as $$ select found.*, 'new'::text from {name}_before(wanted) found $$"
    )


@pytest.mark.parametrize("name", list(FINDERS))
async def test_a_column_that_is_added_later_breaks_nothing_that_runs(house: House, account: Account, name: str) -> None:
    await house.person(memberships={account.organization_id: Role.OWNER})
    link, browser = await house.reset_link(account.organization_id), house.browser()

    await _widen(house, name, FINDERS[name])

    assert (await account.send("GET", "/v1/customers")).status_code == 200
    assert (await browser.get(link)).status_code == 200
    assert (await browser.sign_in(JOHANNA, PASSWORD)).status_code == 303
    assert await browser.is_signed_in()
