"""What operators do to people by command: with a reason, in one transaction, told to every organisation concerned."""

import asyncio
import json
from collections.abc import Awaitable, Callable
from typing import Any

import pytest
from contracts.ids import format_id
from invoice_service.cli import main
from invoice_service.domain.permissions import Role
from invoice_tests.browser import Browser, text_of
from invoice_tests.make import ACCOUNT_SECRET, PEPPER, PUBLIC_URL, Account
from invoice_tests.signing_in import JOHANNA, PASSWORD, House
from service_kit.testing.databases import ServiceDatabase

MARTA = "marta@example.com"
BECAUSE = ("--reason", "lost a laptop on the train")


@pytest.fixture(autouse=True)
def environment(service_database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IC_ENVIRONMENT", "test")
    monkeypatch.setenv("IC_DATABASE_URL", service_database.url("invoice"))
    monkeypatch.setenv("IC_OWNER_DATABASE_URL", service_database.url("invoice", "owner"))
    monkeypatch.setenv("IC_API_KEY_PEPPER", PEPPER)
    monkeypatch.setenv("IC_ACCOUNT_SECRET", ACCOUNT_SECRET)
    monkeypatch.setenv("IC_PUBLIC_URL", PUBLIC_URL)


@pytest.fixture
async def other_account(new_account: Callable[..., Awaitable[Account]]) -> Account:
    return await new_account()


async def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any, str]:
    """Status, the JSON on standard output if there is any, and standard error."""
    try:
        status = await asyncio.to_thread(main, arguments)
    except SystemExit as refused:
        status = int(refused.code or 0)
    said = capsys.readouterr()
    return status, json.loads(said.out) if said.out else None, said.err


async def _signed_in(house: House, *, email: str = JOHANNA) -> Browser:
    browser = house.browser()
    assert (await browser.sign_in(email, PASSWORD)).status_code == 303
    return browser


async def _noted(house: House, action: str) -> list[dict[str, Any]]:
    rows = await house.postgres.fetch(
        "select organization_id, actor_kind, actor, object_id, details->>'reason' as reason "
        "from invoice.audit_log where action = $1 order by organization_id",
        action,
    )
    return [dict(row) for row in rows]


async def test_a_disabled_person_is_out_at_once_and_signs_in_no_more(
    capsys: pytest.CaptureFixture[str], house: House, account: Account
) -> None:
    await house.person(memberships={account.organization_id: Role.OWNER})
    browser = await _signed_in(house)

    status, said, _ = await _run(capsys, "people", "disable", "--email", JOHANNA, *BECAUSE)

    right = await house.browser().sign_in(JOHANNA, PASSWORD)
    wrong = await house.browser().sign_in(JOHANNA, f"{PASSWORD}!")
    assert (status, said["sessions_ended"], said["people"]) == (0, 1, 1)
    assert not await browser.is_signed_in()
    assert (right.status_code, text_of(right)) == (wrong.status_code, text_of(wrong))
    assert (right.status_code, "set-cookie" in right.headers) == (401, "set-cookie" in wrong.headers)


async def test_links_that_were_mailed_before_open_nothing_for_a_disabled_person(
    capsys: pytest.CaptureFixture[str], house: House, account: Account
) -> None:
    await house.person(memberships={account.organization_id: Role.OWNER})
    link = await house.reset_link(account.organization_id)
    assert (await house.browser().get(link)).status_code == 200

    await _run(capsys, "people", "disable", "--email", JOHANNA, *BECAUSE)

    assert (await house.browser().get(link)).status_code == 404
    status, _, reason = await _run(
        capsys,
        *("owner", "link", "--organization", format_id("org", account.organization_id), "--email", JOHANNA),
    )
    assert (status, "disabled" in reason) == (1, True)


async def test_who_is_let_in_again_signs_in_with_the_same_password_and_the_old_cookie_stays_dead(
    capsys: pytest.CaptureFixture[str], house: House, account: Account
) -> None:
    await house.person(memberships={account.organization_id: Role.OWNER})
    browser = await _signed_in(house)
    await _run(capsys, "people", "disable", "--email", JOHANNA, *BECAUSE)

    await _run(capsys, "people", "enable", "--email", JOHANNA, *BECAUSE)

    assert not await browser.is_signed_in()
    assert await (await _signed_in(house)).is_signed_in()


@pytest.mark.parametrize(
    ("command", "action"),
    [("disable", "person_disabled"), ("enable", "person_enabled"), ("end-sessions", "end_all_sessions")],
)
async def test_every_organisation_of_the_person_is_told_who_did_it_and_why(
    command: str,
    action: str,
    capsys: pytest.CaptureFixture[str],
    house: House,
    account: Account,
    other_account: Account,
) -> None:
    both = {account.organization_id: Role.OWNER, other_account.organization_id: Role.VIEWER}
    user_id = await house.person(memberships=both)

    _, said, _ = await _run(capsys, "people", command, "--email", JOHANNA, *BECAUSE)

    assert said["organizations_told"] == 2
    assert await _noted(house, action) == [
        {
            "organization_id": organization_id,
            "actor_kind": "operator",
            "actor": "operator",
            "object_id": format_id("usr", user_id),
            "reason": "lost a laptop on the train",
        }
        for organization_id in sorted(both)
    ]


async def test_what_cannot_be_noted_is_not_done(
    capsys: pytest.CaptureFixture[str], house: House, account: Account, other_account: Account
) -> None:
    """The log of the second organisation refuses its line, after the first one's was written."""
    await house.person(memberships={account.organization_id: Role.OWNER, other_account.organization_id: Role.VIEWER})
    browser = await _signed_in(house)
    last = max(account.organization_id, other_account.organization_id)
    await house.postgres.fetch(
        f"alter table invoice.audit_log add constraint full_up check (organization_id <> '{last}') not valid"
    )

    with pytest.raises(Exception, match="full_up"):
        await _run(capsys, "people", "disable", "--email", JOHANNA, *BECAUSE)

    assert await browser.is_signed_in()
    assert await _noted(house, "person_disabled") == []


async def test_sessions_of_one_person_end_and_those_of_others_go_on(
    capsys: pytest.CaptureFixture[str], house: House, account: Account
) -> None:
    for email in (JOHANNA, MARTA):
        await house.person(memberships={account.organization_id: Role.OWNER}, email=email)
    here, there, other = [await _signed_in(house, email=email) for email in (JOHANNA, JOHANNA, MARTA)]

    _, said, _ = await _run(capsys, "people", "end-sessions", "--email", JOHANNA, *BECAUSE)

    assert said["sessions_ended"] == 2
    assert [await browser.is_signed_in() for browser in (here, there, other)] == [False, False, True]


async def test_sessions_of_everybody_end_at_once_and_each_organisation_is_told(
    capsys: pytest.CaptureFixture[str], house: House, account: Account, other_account: Account
) -> None:
    await house.person(memberships={account.organization_id: Role.OWNER})
    await house.person(memberships={other_account.organization_id: Role.OWNER}, email=MARTA)
    browsers = [await _signed_in(house, email=email) for email in (JOHANNA, JOHANNA, MARTA)]

    _, said, _ = await _run(capsys, "people", "end-sessions", "--all", *BECAUSE)

    assert (said["people"], said["sessions_ended"], said["organizations_told"]) == (2, 3, 2)
    assert [await browser.is_signed_in() for browser in browsers] == [False, False, False]
    assert [row["organization_id"] for row in await _noted(house, "end_all_sessions")] == sorted(
        [account.organization_id, other_account.organization_id]
    )
    assert await (await _signed_in(house)).is_signed_in()


async def test_api_keys_outlive_the_sessions_of_everybody(capsys: pytest.CaptureFixture[str], account: Account) -> None:
    await _run(capsys, "people", "end-sessions", "--all", *BECAUSE)

    assert (await account.get("/v1/invoices"))["data"] == []


async def test_nothing_runs_without_a_reason_that_can_be_read_later(
    capsys: pytest.CaptureFixture[str], house: House, account: Account, subtests: pytest.Subtests
) -> None:
    await house.person(memberships={account.organization_id: Role.OWNER})
    browser = await _signed_in(house)
    for command in (
        ("people", "disable", "--email", JOHANNA),
        ("people", "enable", "--email", JOHANNA),
        ("people", "end-sessions", "--email", JOHANNA),
        ("people", "end-sessions", "--all"),
        ("parked", "replay", "00000000-0000-0000-0000-000000000000"),
    ):
        for reason in (
            (),
            ("--reason", ""),
            ("--reason", "   x   "),
            ("--reason", "a\nb c d e"),
            ("--reason", "x" * 201),
        ):
            with subtests.test(" ".join((*command, *reason))):
                status, answer, said = await _run(capsys, *command, *reason)

                assert (status, answer) == (2, None)
                assert "--reason" in said
    assert await browser.is_signed_in()
    assert await _noted(house, "person_disabled") == []


async def test_a_command_for_everybody_needs_the_owner_of_the_schema(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    monkeypatch.delenv("IC_OWNER_DATABASE_URL")
    for command in (("list",), ("end-sessions", "--all", *BECAUSE)):
        with subtests.test(" ".join(command)):
            status, _, reason = await _run(capsys, "people", *command)

            assert (status, reason.strip()) == (1, "IC_OWNER_DATABASE_URL is not set")


async def test_people_are_listed_with_what_they_belong_to_and_nothing_they_prove_themselves_with(
    capsys: pytest.CaptureFixture[str], house: House, account: Account, other_account: Account
) -> None:
    both = {account.organization_id: Role.OWNER, other_account.organization_id: Role.VIEWER}
    await house.person(memberships=both)
    await house.person(memberships={other_account.organization_id: Role.OWNER}, email=MARTA, password_hash=None)
    organization = format_id("org", account.organization_id)

    _, everybody, _ = await _run(capsys, "people", "list")
    _, few, _ = await _run(capsys, "people", "list", "--organization", organization)

    assert [(row["email"], row["has_password"], len(row["organizations"])) for row in everybody["people"]] == [
        (MARTA, False, 1),
        (JOHANNA, True, 2),
    ]
    assert [(row["email"], row["organizations"]) for row in few["people"]] == [
        (JOHANNA, [{"id": organization, "role": "owner"}])
    ]
    assert "argon2" not in json.dumps([everybody, few])


async def test_one_person_is_shown_with_live_sessions(
    capsys: pytest.CaptureFixture[str], house: House, account: Account
) -> None:
    await house.person(memberships={account.organization_id: Role.OWNER})
    await _signed_in(house)

    _, before, _ = await _run(capsys, "people", "show", "--email", JOHANNA.upper())
    await _run(capsys, "people", "disable", "--email", JOHANNA, *BECAUSE)
    _, after, _ = await _run(capsys, "people", "show", "--email", JOHANNA)
    status, _, reason = await _run(capsys, "people", "show", "--email", "nobody@example.com")

    (session,) = before["sessions"]
    assert set(session) == {"created_at", "last_seen_at", "expires_at", "address", "user_agent"}
    assert (before["disabled_at"], before["email"]) == (None, JOHANNA)
    assert after["disabled_at"] is not None
    assert after["sessions"] == []
    assert "argon2" not in json.dumps([before, after])
    assert (status, "nobody signs in" in reason) == (1, True)


async def test_the_audit_log_of_one_organisation_is_read_by_command(
    capsys: pytest.CaptureFixture[str], house: House, account: Account, other_account: Account
) -> None:
    user_id = await house.person(memberships={account.organization_id: Role.OWNER})
    await _signed_in(house)
    await _run(capsys, "people", "end-sessions", "--email", JOHANNA, *BECAUSE)
    of = ("audit", "list", "--organization", format_id("org", account.organization_id))

    _, everything, _ = await _run(capsys, *of)
    _, hers, _ = await _run(capsys, *of, "--actor", format_id("usr", user_id))
    _, newest, _ = await _run(capsys, *of, "--limit", "1")
    _, elsewhere, _ = await _run(
        capsys, "audit", "list", "--organization", format_id("org", other_account.organization_id)
    )
    status, _, reason = await _run(capsys, "audit", "list", "--organization", "org_00000000000000000000000000")

    assert [row["action"] for row in everything["audit_log"]] == ["end_all_sessions", "sign_in"]
    assert [row["action"] for row in hers["audit_log"]] == ["sign_in"]
    assert newest["audit_log"] == everything["audit_log"][:1]
    assert newest["audit_log"][0]["details"]["reason"] == "lost a laptop on the train"
    assert elsewhere["audit_log"] == []
    assert (status, "no organisation" in reason) == (1, True)
