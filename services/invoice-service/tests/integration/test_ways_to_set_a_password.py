"""One policy for every way in which a password is set: change, reset, invitation and the operator's command."""

import asyncio
import io
import re
import sys
from collections.abc import Awaitable, Callable
from pathlib import Path

import invoice_service
import pytest
from contracts.ids import format_id
from invoice_service.cli import main
from invoice_service.domain.passwords import PASSWORD_MAX
from invoice_service.domain.permissions import Role
from invoice_tests.make import ACCOUNT_SECRET, PEPPER, PUBLIC_URL, Account
from invoice_tests.signing_in import JOHANNA, PASSWORD, House
from service_kit.testing.databases import ServiceDatabase

SOURCE = Path(invoice_service.__file__).parent
NAME = "Qyrvex Hlomstad"
ORGANIZATION = "Zvyqx Kolbrunt"
"""Two names that are hard to guess for everybody else."""
LONGEST = ("kQ7w9ZpL2mXv" * 11)[:PASSWORD_MAX]
REFUSED = {
    "eleven characters": "kQ7w9ZpL2mX",
    "known from a break-in": "sdicmt7seytn",
    "known, in capitals": "SDICMT7SEYTN",
    "the person's name": "Qyrvex.Hlomstad",
    "the person's address": JOHANNA,
    "the organisation's name": "zvyqxkolbrunt2026",
    "our own name": "InvoiceCentral1",
    "one character too many": LONGEST + "k",
}
TAKEN = {
    "twelve characters": "kQ7w9ZpL2mXv",
    "small letters and spaces": "orchard kettle nineteen",
    "sixty-four characters": LONGEST[:64],
    "as long as can be": LONGEST,
    "a phrase that holds one of our words": "the invoice was never late",
    "spaces at both ends": "  spaces around are part of it  ",
}
Given = Callable[[str], Awaitable[bool]]
Way = Callable[[House, Account, pytest.MonkeyPatch], Awaitable[Given]]


async def _change(house: House, account: Account, _: pytest.MonkeyPatch) -> Given:
    await house.person(memberships={account.organization_id: Role.OWNER}, name=NAME)
    browser = house.browser(address="198.51.100.20")
    assert (await browser.sign_in(JOHANNA, PASSWORD)).status_code == 303

    async def give(wanted: str) -> bool:
        typed = {"password": PASSWORD, "new_password": wanted}
        return (await browser.fill("/account", typed, action="/account/password")).status_code == 303

    return give


async def _reset(house: House, account: Account, _: pytest.MonkeyPatch) -> Given:
    await house.person(memberships={account.organization_id: Role.OWNER}, name=NAME)
    link = await house.reset_link(account.organization_id)

    async def give(wanted: str) -> bool:
        return (await house.browser().fill(link, {"password": wanted})).status_code == 303

    return give


async def _invitation(house: House, account: Account, _: pytest.MonkeyPatch) -> Given:
    link = await house.invite(account.organization_id, email=JOHANNA)

    async def give(wanted: str) -> bool:
        return (await house.browser().fill(link, {"name": NAME, "password": wanted})).status_code == 303

    return give


async def _command(house: House, account: Account, monkeypatch: pytest.MonkeyPatch) -> Given:
    organization = format_id("org", account.organization_id)
    arguments = ("owner", "create", "--organization", organization, "--email", JOHANNA, "--name", NAME)

    async def give(wanted: str) -> bool:
        monkeypatch.setattr(sys, "stdin", io.StringIO(f"{wanted}\n"))
        return await asyncio.to_thread(main, (*arguments, "--password-stdin")) == 0

    return give


WAYS: dict[str, Way] = {"change": _change, "reset": _reset, "invitation": _invitation, "command": _command}


@pytest.fixture(autouse=True)
def environment(service_database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    """What the operator's command reads."""
    monkeypatch.setenv("IC_ENVIRONMENT", "test")
    monkeypatch.setenv("IC_DATABASE_URL", service_database.url("invoice"))
    monkeypatch.setenv("IC_API_KEY_PEPPER", PEPPER)
    monkeypatch.setenv("IC_ACCOUNT_SECRET", ACCOUNT_SECRET)
    monkeypatch.setenv("IC_PUBLIC_URL", PUBLIC_URL)


@pytest.mark.parametrize("way", WAYS)
async def test_no_way_takes_a_password_that_breaks_a_rule(
    way: str, house: House, account: Account, monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    await house.postgres.fetch("update invoice.organizations set name = $1", ORGANIZATION)
    give = await WAYS[way](house, account, monkeypatch)

    for why, wanted in REFUSED.items():
        with subtests.test(why):
            assert not await give(wanted)
            assert (await house.browser().sign_in(JOHANNA, wanted)).status_code == 401
            await house.forget_waits()
    # The way itself is open: it was the passwords that were refused.
    assert await give(TAKEN["twelve characters"])


@pytest.mark.parametrize("why", TAKEN)
@pytest.mark.parametrize("way", WAYS)
async def test_every_way_takes_every_other_password_and_it_signs_in_as_it_was_typed(
    way: str, why: str, house: House, account: Account, monkeypatch: pytest.MonkeyPatch
) -> None:
    give, wanted = await WAYS[way](house, account, monkeypatch), TAKEN[why]

    assert await give(wanted)

    for other in {wanted.strip(), wanted[:-1], wanted + "k", wanted.swapcase()} - {wanted}:
        assert (await house.browser(address="203.0.113.9").sign_in(JOHANNA, other)).status_code == 401
    assert (await house.browser().sign_in(JOHANNA, wanted)).status_code == 303


def test_there_is_no_fifth_way() -> None:
    """Whoever stores a password has it judged in the same file, or is handed a hash by one who did."""
    written, stored, judged = set(), set(), set()
    for path in SOURCE.rglob("*.py"):
        text = path.read_text(encoding="utf-8")
        name = path.relative_to(SOURCE).as_posix()
        written |= {name} if re.search(r"\.password_hash = |\"password_hash\":", text) else set()
        stored |= {name} if "await store_password(" in text else set()
        judged |= {name} if "await hash_new_password(" in text else set()

    people = "actions/people"
    # `prove_password.py` writes the same password under newer parameters.
    assert written == {f"{people}/set_password.py", f"{people}/prove_password.py"}
    assert judged == {f"{people}/{one}.py" for one in ("change_password", "reset_password", "accept_invitation")} | {
        "people_commands.py"
    }
    assert stored - judged == {f"{people}/create_owner.py"}
    assert _callers_of("create_owner(") == {"people_commands.py"}


def _callers_of(called: str) -> set[str]:
    return {
        path.relative_to(SOURCE).as_posix()
        for path in SOURCE.rglob("*.py")
        if re.search(rf"await {re.escape(called)}", path.read_text(encoding="utf-8"))
    }
