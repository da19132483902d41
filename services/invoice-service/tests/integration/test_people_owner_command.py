"""Owners by command: a fresh installation has nobody, and the first person comes in by a link that is shown once."""

import asyncio
import io
import json
import sys
from typing import Any

import pytest
from contracts.ids import format_id
from invoice_service.cli import main
from invoice_service.domain.permissions import Role
from invoice_tests.make import ACCOUNT_SECRET, PEPPER, PUBLIC_URL, Account
from invoice_tests.signing_in import JOHANNA, OTHER_PASSWORD, PASSWORD, House
from service_kit.testing.databases import ServiceDatabase


@pytest.fixture(autouse=True)
def environment(service_database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IC_ENVIRONMENT", "test")
    monkeypatch.setenv("IC_DATABASE_URL", service_database.url("invoice"))
    monkeypatch.setenv("IC_API_KEY_PEPPER", PEPPER)
    monkeypatch.setenv("IC_ACCOUNT_SECRET", ACCOUNT_SECRET)
    monkeypatch.setenv("IC_PUBLIC_URL", PUBLIC_URL)


async def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any, str]:
    """Status, the JSON on standard output if there is any, and standard error."""
    status = await asyncio.to_thread(main, arguments)
    said = capsys.readouterr()
    return status, json.loads(said.out) if said.out else None, said.err


def _owner(account: Account, *more: str, email: str = JOHANNA) -> tuple[str, ...]:
    organization = format_id("org", account.organization_id)
    return ("--organization", organization, "--email", email, *more)


async def test_a_fresh_installation_has_nobody(service_database: ServiceDatabase) -> None:
    for table in ("users", "memberships", "api_keys", "user_sessions"):
        assert await service_database.fetch(f"select 1 from invoice.{table}") == []


async def test_the_first_owner_comes_in_by_a_link_that_works_once(
    capsys: pytest.CaptureFixture[str], house: House
) -> None:
    status, made, _ = await _run(
        capsys,
        *("bootstrap", "--name", "Nordlicht", "--email", "office@nordlicht.example.com"),
        *("--owner-email", JOHANNA, "--owner-name", "Johanna Hellström"),
    )
    link = made["owner"]["link"].removeprefix(PUBLIC_URL)
    browser = house.browser()
    chosen = await browser.fill(link, {"password": PASSWORD})
    again = await browser.get(link)
    answer = await browser.sign_in(JOHANNA, PASSWORD)

    assert status == 0
    assert made["owner"]["sign_in"] == f"{PUBLIC_URL}/sign-in"
    assert chosen.headers["location"] == "/sign-in?done=reset"
    assert again.status_code == 404
    assert answer.status_code == 303
    assert "Nordlicht Owners do everything" in await browser.reads()


async def test_bootstrap_without_an_owner_is_as_it_was(capsys: pytest.CaptureFixture[str], house: House) -> None:
    _, made, _ = await _run(capsys, "bootstrap", "--name", "Nordlicht", "--email", "office@nordlicht.example.com")

    assert set(made) == {"organization_id", "api_key", "api_key_id", "shown"}
    assert await house.postgres.fetch("select 1 from invoice.users") == []


async def test_an_owner_is_made_with_a_password_from_standard_input(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, house: House, account: Account
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO(f" {PASSWORD} \n"))

    status, made, _ = await _run(capsys, "owner", "create", *_owner(account, "--name", "Johanna", "--password-stdin"))

    assert (status, made["has_password"], "link" in made) == (0, True, False)
    assert (await house.browser().sign_in(JOHANNA, f" {PASSWORD} ")).status_code == 303
    assert (await house.browser().sign_in(JOHANNA, PASSWORD)).status_code == 401
    assert "owner_created" in await house.audited(account.organization_id)


async def test_a_guessable_password_makes_nobody(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, house: House, account: Account
) -> None:
    monkeypatch.setattr(sys, "stdin", io.StringIO("nordlichtstudio2026\n"))

    status, _, reason = await _run(capsys, "owner", "create", *_owner(account, "--name", "Johanna", "--password-stdin"))

    assert status == 1
    assert "Too easy to guess" in reason
    assert "nordlichtstudio2026" not in reason
    assert await house.postgres.fetch("select 1 from invoice.users") == []


async def test_somebody_with_an_account_becomes_owner_and_keeps_the_password(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, house: House, account: Account
) -> None:
    await house.person(memberships={account.organization_id: Role.VIEWER})
    monkeypatch.setattr(sys, "stdin", io.StringIO(f"{OTHER_PASSWORD}\n"))

    refused, _, reason = await _run(capsys, "owner", "create", *_owner(account, "--name", "Other", "--password-stdin"))
    before = await house.postgres.fetch("select role from invoice.memberships")
    status, made, _ = await _run(capsys, "owner", "create", *_owner(account, "--name", "Other"))

    browser = house.browser()
    await browser.sign_in(JOHANNA, PASSWORD)
    assert (refused, "with the password they have" in reason) == (1, True)
    assert [row["role"] for row in before] == ["viewer"]
    assert (status, made["has_password"], "link" in made) == (0, True, False)
    assert "Johanna Hellström" in await browser.reads()
    assert "Owners do everything" in await browser.reads()


async def test_a_locked_out_owner_gets_a_new_link_that_lives_three_days(
    capsys: pytest.CaptureFixture[str], house: House, account: Account
) -> None:
    await house.person(memberships={account.organization_id: Role.OWNER})

    _, made, _ = await _run(capsys, "owner", "link", *_owner(account))
    link = made["link"].removeprefix(PUBLIC_URL)
    await house.postgres.advance_clock("invoice", seconds=72 * 3600 - 60)
    in_time = await house.browser().get(link)
    await house.postgres.advance_clock("invoice", seconds=61)
    too_late = await house.browser().get(link)

    assert (in_time.status_code, too_late.status_code) == (200, 404)
    assert await house.mails_asked_for() == 0
    assert await house.rows_with(link.split("/")[-1], ["account_secrets", "account_mails", "audit_log", "outbox"]) == []


async def test_mistakes_are_answered_with_a_reason(
    capsys: pytest.CaptureFixture[str], house: House, account: Account, subtests: pytest.Subtests
) -> None:
    await house.person(memberships={account.organization_id: Role.VIEWER})
    nowhere = ("--organization", "org_00000000000000000000000000", "--email", JOHANNA)
    for arguments, reason in {
        ("owner", "link", *_owner(account)): "no owner",
        ("owner", "link", *_owner(account, email="nobody@example.com")): "nobody has this address",
        ("owner", "create", *nowhere, "--name", "Johanna"): "no organisation",
    }.items():
        with subtests.test(" ".join(arguments[:2])):
            status, answer, said = await _run(capsys, *arguments)

            assert (status, answer) == (1, None)
            assert reason in said
            assert "Traceback" not in said
