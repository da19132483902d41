"""If-Match: nobody overwrites what they never read, and an ETag that cannot be one is refused with a reason."""

from collections.abc import Awaitable, Callable

import pytest
from invoice_service.dependencies import Dependencies
from invoice_service.domain.permissions import Role
from invoice_tests.make import Account
from invoice_tests.people import person

Found = tuple[str, dict[str, str]]


async def _draft(account: Account, _: Dependencies) -> Found:
    return f"/v1/invoices/{(await account.draft())['id']}", {"title": "Changed"}


async def _customer(account: Account, _: Dependencies) -> Found:
    return f"/v1/customers/{(await account.customer())['id']}", {"notes": "Changed"}


async def _settings(_: Account, __: Dependencies) -> Found:
    return "/v1/settings/organization", {"name": "Changed"}


async def _member(account: Account, parts: Dependencies) -> Found:
    member = await person(parts, account.http, memberships={account.organization_id: Role.VIEWER})
    return f"/v1/members/{member.id}", {"role": "accountant"}


@pytest.mark.parametrize("find", [_draft, _customer, _settings, _member])
async def test_a_change_on_top_of_an_old_version_is_refused_with_the_current_one(
    find: Callable[[Account, Dependencies], Awaitable[Found]], account: Account, dependencies: Dependencies
) -> None:
    path, change = await find(account, dependencies)
    read = (await account.send("GET", path)).headers["etag"]
    first = await account.send("PATCH", path, change, if_match=read)

    stale = await account.send("PATCH", path, change, if_match=read)
    followed = await account.send("PATCH", path, change, if_match=stale.json()["facts"]["current_etag"])

    assert (first.status_code, stale.status_code, followed.status_code) == (200, 412, 200)
    assert stale.json()["code"] == "if-match-stale"
    assert stale.json()["facts"]["current_etag"] == first.headers["etag"]


async def test_a_draft_is_not_changed_without_naming_its_version(account: Account) -> None:
    draft = await account.draft()

    refused = await account.send("PATCH", f"/v1/invoices/{draft['id']}", {"title": "Changed"})

    assert (refused.status_code, refused.json()["code"]) == (428, "if-match-required")
    assert (await account.get(f"/v1/invoices/{draft['id']}"))["title"] == draft["title"]


async def test_whatever_version_there_is_can_be_named(account: Account) -> None:
    draft = await account.draft()

    changed = await account.send("PATCH", f"/v1/invoices/{draft['id']}", {"title": "Changed"}, if_match="*")

    assert changed.status_code == 200


async def test_an_etag_that_cannot_be_one_is_refused_with_a_reason(account: Account, subtests: pytest.Subtests) -> None:
    draft = await account.draft()
    for given, reason in (
        ('W/"1"', "W/"),
        ('"1", "2"', "one ETag"),
        ("1", "quotes"),
        ('"0"', "quotes"),
        ('"one"', "quotes"),
        ("", "quotes"),
    ):
        with subtests.test(given):
            refused = await account.send("PATCH", f"/v1/invoices/{draft['id']}", {"title": "A"}, if_match=given)

            assert (refused.status_code, refused.json()["code"]) == (422, "if-match-malformed")
            assert reason in refused.json()["detail"]


async def test_the_same_key_with_another_version_is_another_request(account: Account) -> None:
    draft = await account.draft()
    path = f"/v1/invoices/{draft['id']}"
    await account.send("PATCH", path, {"title": "A"}, if_match='"1"', idempotency_key="k")

    other = await account.send("PATCH", path, {"title": "A"}, if_match='"2"', idempotency_key="k")

    assert (other.status_code, other.json()["code"]) == (422, "idempotency-key-reused")
