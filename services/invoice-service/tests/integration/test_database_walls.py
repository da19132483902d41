"""What the database refuses, whoever asks: changed history, unbalanced postings, a balance that is not their sum."""

import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from uuid import UUID

import pytest
from contracts.ids import parse_id
from invoice_tests.make import Account
from service_kit.identifiers import new_id
from service_kit.testing.databases import ServiceDatabase
from sqlalchemy import text
from sqlalchemy.exc import DBAPIError, IntegrityError
from sqlmodel.ext.asyncio.session import AsyncSession

FROZEN = {
    "title": "'other'",
    "currency": "'USD'",
    "lines": "'[]'",
    "allowances": '\'[{"reason": "gift"}]\'',
    "notes": "'other'",
    "terms": "'other'",
    "total_minor": "1",
    "number": "'INV-2026-0099'",
    "sequence_number": "99",
    "issued_at": "issued_at + interval '1 day'",
    "issue_date": "issue_date - 1",
    "due_date": "due_date + 30",
    "snapshot": "'{}'",
    "snapshot_sha256": "repeat('b', 64)",
}


@dataclass(frozen=True)
class Issued:
    account: Account
    invoice_id: UUID

    async def run(self, *statements: tuple[str, Mapping[str, Any]]) -> None:
        """All statements in one transaction of the organisation, committed at its end."""
        async with self.account.database.transaction(organization_id=self.account.organization_id) as session:
            for statement, values in statements:
                await self._run(session, statement, values)

    async def _run(self, session: AsyncSession, statement: str, values: Mapping[str, Any]) -> None:
        fixed = {"organization_id": self.account.organization_id, "invoice_id": self.invoice_id}
        await (await session.connection()).execute(text(statement), {**fixed, **values})


ISSUE = """
    update invoices set document_status = 'issued', number = 'INV-2026-0001', series = 'INV-2026', sequence_number = 1,
        issued_at = now(), issue_date = '2026-11-01', due_date = '2026-11-15', snapshot = '{"a": 1}',
        snapshot_sha256 = repeat('a', 64)
    where organization_id = :organization_id and id = :invoice_id
"""
OPEN_BALANCE = """
    insert into invoice_balances (organization_id, invoice_id, currency, total_minor, due_minor, updated_at)
    values (:organization_id, :invoice_id, 'EUR', 23800, 23800, now())
"""
POST = """
    insert into ledger_entries (organization_id, id, invoice_id, kind, currency, received_minor, applied_minor,
        credit_minor, suspense_minor, due_minor, payment_id, provider_entry_id, reverses_id, occurred_at, recorded_at)
    values (:organization_id, :id, :invoice_id, :kind, :currency, :received, :applied, :credit, :suspense, :due,
        :payment_id, :provider_entry_id, :reverses_id, now(), now())
"""
SET_BALANCE = """
    update invoice_balances set received_minor = :received, applied_minor = :applied, suspense_minor = :suspense,
        due_minor = :due
    where organization_id = :organization_id and invoice_id = :invoice_id
"""


def posting(**overrides: Any) -> tuple[str, dict[str, Any]]:
    """A manual payment of 100.00, applied; keyword arguments as the columns without ``_minor``."""
    values: dict[str, Any] = {
        "id": new_id(),
        "kind": "manual",
        "currency": "EUR",
        "received": 10000,
        "applied": 10000,
        "credit": 0,
        "suspense": 0,
        "due": 0,
        "payment_id": new_id(),
        "provider_entry_id": None,
        "reverses_id": None,
    }
    return POST, {**values, **overrides}


def balance(**overrides: int) -> tuple[str, dict[str, Any]]:
    return SET_BALANCE, {"received": 10000, "applied": 10000, "suspense": 0, "due": 13800, **overrides}


@pytest.fixture
async def issued(account: Account) -> Issued:
    """An invoice over 238.00 EUR, issued, with its balance."""
    draft = await account.draft()
    found = Issued(account, parse_id("inv", draft["id"]))
    await found.run((ISSUE, {}), (OPEN_BALANCE, {}))
    return found


async def test_an_issued_invoice_cannot_be_changed(issued: Issued, subtests: pytest.Subtests) -> None:
    for column in FROZEN:
        with subtests.test(str(column)):
            change = f"update invoices set {column} = {FROZEN[column]} where id = :invoice_id"

            with pytest.raises(IntegrityError, match="is issued"):
                await issued.run((change, {}))


async def test_the_owner_of_the_schema_cannot_change_an_issued_invoice_either(
    issued: Issued, service_database: ServiceDatabase
) -> None:
    with pytest.raises(DBAPIError, match="is issued"):
        async with service_database.open("invoice", "owner").transaction(organization_id=None) as session:
            await (await session.connection()).execute(text("update invoices set title = 'other'"))


async def test_what_happens_to_an_issued_invoice_can_still_be_written_down(issued: Issued) -> None:
    await issued.run(("update invoices set first_viewed_at = now(), version = 2 where id = :invoice_id", {}))

    shown = await issued.account.get("/v1/invoices")
    assert shown["data"][0]["number"] == "INV-2026-0001"


async def test_no_invoice_can_be_removed(issued: Issued, service_database: ServiceDatabase) -> None:
    with pytest.raises(DBAPIError, match="permission denied"):
        await issued.run(("delete from invoices where id = :invoice_id", {}))
    with pytest.raises(DBAPIError, match="cannot be removed"):
        async with service_database.open("invoice", "owner").transaction(organization_id=None) as session:
            await (await session.connection()).execute(text("delete from invoices"))


async def test_an_issued_invoice_never_becomes_a_draft_again(issued: Issued, subtests: pytest.Subtests) -> None:
    for status in ["draft", "deleted"]:
        with subtests.test(str(status)):
            with pytest.raises(IntegrityError, match="cannot go from issued"):
                await issued.run((f"update invoices set document_status = '{status}' where id = :invoice_id", {}))


async def test_a_void_invoice_stays_void(issued: Issued) -> None:
    await issued.run(("update invoices set document_status = 'void', voided_at = now() where id = :invoice_id", {}))

    with pytest.raises(IntegrityError, match="cannot go from void"):
        await issued.run(
            ("update invoices set document_status = 'issued', voided_at = null where id = :invoice_id", {})
        )


async def test_an_invoice_cannot_be_issued_without_its_number(account: Account) -> None:
    draft = await account.draft()
    found = Issued(account, parse_id("inv", draft["id"]))

    with pytest.raises(IntegrityError, match="numbered_when_issued"):
        await found.run(("update invoices set document_status = 'issued' where id = :invoice_id", {}))


async def test_a_number_is_taken_once(issued: Issued) -> None:
    second = Issued(issued.account, parse_id("inv", (await issued.account.draft())["id"]))

    with pytest.raises(IntegrityError, match="number"):
        await second.run((ISSUE, {}))


async def test_a_payment_and_its_balance_are_committed_together(issued: Issued) -> None:
    await issued.run(posting(), balance())

    shown = (await issued.account.get("/v1/invoices"))["data"][0]
    assert shown["due_minor"] == 13800


WRONG_POSTINGS: list[dict[str, Any]] = [
    {"received": 10000, "applied": 9999},
    {"received": 0, "applied": 0},
    {"received": -10000, "applied": -10000},
    {"due": -1},
    {"kind": "capture", "payment_id": None},
    {"kind": "manual", "payment_id": None},
    {"kind": "refund", "payment_id": None, "provider_entry_id": new_id()},
    {"kind": "apply", "payment_id": None},
    {"kind": "write_off", "payment_id": None, "received": 0, "applied": 0, "due": 1},
    {"kind": "write_off", "payment_id": None, "received": 0, "applied": 0, "due": 0},
    {"kind": "manual_reversal", "received": -10000, "applied": -10000},
    {"kind": "gift", "payment_id": None},
]


async def test_a_posting_that_does_not_balance_or_fit_its_kind_is_refused(
    issued: Issued, subtests: pytest.Subtests
) -> None:
    for wrong in WRONG_POSTINGS:
        with subtests.test(str(wrong)):
            with pytest.raises(IntegrityError, match="violates check constraint"):
                await issued.run(posting(**wrong))


async def test_a_balance_that_is_not_the_sum_of_its_postings_cannot_be_committed(
    issued: Issued, subtests: pytest.Subtests
) -> None:
    for wrong in [{"received": 9999}, {"applied": 9999}, {"suspense": 1}, {"due": 13801}, {"due": 0}]:
        with subtests.test(str(wrong)):
            with pytest.raises(IntegrityError, match="is not the sum of its postings"):
                await issued.run(posting(), balance(**wrong))


async def test_a_posting_without_its_balance_cannot_be_committed(issued: Issued) -> None:
    with pytest.raises(IntegrityError, match="is not the sum of its postings"):
        await issued.run(posting())


async def test_a_balance_cannot_change_without_a_posting(issued: Issued) -> None:
    with pytest.raises(IntegrityError, match="is not the sum of its postings"):
        await issued.run(balance())


async def test_no_more_than_the_total_can_be_applied(issued: Issued) -> None:
    with pytest.raises(IntegrityError, match="violates check constraint"):
        await issued.run(posting(received=23801, applied=23801), balance(received=23801, applied=23801, due=0))


async def test_money_in_another_currency_can_only_wait(issued: Issued) -> None:
    waiting = posting(currency="USD", received=500, applied=0, suspense=500)
    await issued.run(waiting)

    with pytest.raises(IntegrityError, match="is not the sum of its postings"):
        await issued.run(posting(currency="USD"))


async def test_a_payment_is_taken_back_once(issued: Issued) -> None:
    paid = posting()
    back = {
        "kind": "manual_reversal",
        "received": -10000,
        "applied": -10000,
        "payment_id": paid[1]["payment_id"],
        "reverses_id": paid[1]["id"],
    }
    await issued.run(paid, balance())
    await issued.run(posting(**back), balance(received=0, applied=0, due=23800))

    with pytest.raises(IntegrityError, match="duplicate key"):
        await issued.run(posting(**back), balance(received=-10000, applied=0, due=23800))


async def test_a_provider_entry_is_posted_once(issued: Issued) -> None:
    entry = {"kind": "capture", "payment_id": None, "provider_entry_id": new_id()}
    await issued.run(posting(**entry), balance())

    with pytest.raises(IntegrityError, match="duplicate key"):
        await issued.run(posting(**entry), balance(received=20000, applied=20000, due=3800))


CHANGES_OF_HISTORY = (
    "update ledger_entries set note = 'other'",
    "delete from ledger_entries",
    "truncate ledger_entries",
    "update documents set filename = 'other'",
    "delete from documents",
    "truncate documents",
    "update payment_facts set ref = 'other'",
    "delete from payment_facts",
)


async def test_what_was_recorded_is_never_changed(
    issued: Issued, service_database: ServiceDatabase, subtests: pytest.Subtests
) -> None:
    await issued.run(posting(), balance())
    await issued.run(
        (
            "insert into documents (organization_id, id, invoice_id, filename, media_type, bytes, size_bytes, sha256, "
            "created_at) values (:organization_id, :id, :invoice_id, 'a.pdf', 'application/pdf', 'x', 1, "
            "encode(sha256('x'), 'hex'), now())",
            {"id": new_id()},
        ),
        (
            "insert into payment_facts (organization_id, id, invoice_id, kind, ref, occurred_at) "
            "values (:organization_id, :id, :invoice_id, 'processing', 'pi_1', now())",
            {"id": new_id()},
        ),
    )

    for role, change in itertools.product(("app", "owner"), CHANGES_OF_HISTORY):
        with subtests.test(f"{role}: {change}"), pytest.raises(DBAPIError, match=r"never change|permission denied"):
            async with service_database.open("invoice", role).transaction(
                organization_id=issued.account.organization_id
            ) as session:
                await (await session.connection()).execute(text(change))


async def test_a_document_with_another_digest_is_refused(issued: Issued) -> None:
    with pytest.raises(IntegrityError, match="digest_is_right"):
        await issued.run(
            (
                "insert into documents (organization_id, id, invoice_id, filename, media_type, bytes, size_bytes, "
                "sha256, created_at) values (:organization_id, :id, :invoice_id, 'a.pdf', 'application/pdf', 'x', 1, "
                "repeat('0', 64), now())",
                {"id": new_id()},
            )
        )
