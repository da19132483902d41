"""What the database itself refuses, whoever asks."""

import asyncpg
import pytest
import sqlalchemy.exc
from notification_tests import make
from notification_tests.post_room import PostRoom
from service_kit.database import run_sql
from service_kit.identifiers import new_id


@pytest.mark.parametrize("table", ["mails", "deliveries", "invoice_facts", "payment_links", "outbox"])
async def test_without_an_organisation_the_app_role_sees_no_row(post_room: PostRoom, table: str) -> None:
    await post_room.hear(make.invoice_sent(), make.link_created())
    await post_room.work()
    [kept] = await post_room.database.fetch(f"select count(*) as n from notification.{table}")

    seen = []
    for organization_id in (None, new_id()):
        async with post_room.database.open("notification").transaction(organization_id=organization_id) as session:
            seen.append((await run_sql(session, f"select count(*) from {table}")).scalar_one())

    assert kept["n"] >= 1
    assert seen == [0, 0]


async def test_the_worker_role_cannot_read_mails(post_room: PostRoom) -> None:
    with pytest.raises(sqlalchemy.exc.ProgrammingError, match="permission denied"):
        async with post_room.database.open("notification", "worker").transaction(organization_id=None) as session:
            await run_sql(session, "select * from mails")


@pytest.mark.parametrize("state", ["queued", "failed", "dropped", "unknown"])
async def test_a_delivery_that_was_sent_stays_sent(post_room: PostRoom, state: str) -> None:
    await post_room.hear(make.invoice_sent_by_hand())
    await post_room.work()

    with pytest.raises(asyncpg.RestrictViolationError, match="stays so"):
        await post_room.database.fetch("update notification.deliveries set state = $1", state)


async def test_a_third_unknown_outcome_cannot_be_written(post_room: PostRoom) -> None:
    await post_room.hear(make.invoice_sent())
    await post_room.work()

    with pytest.raises(asyncpg.CheckViolationError):
        await post_room.database.fetch("update notification.deliveries set unknowns = 3")


async def test_a_mail_by_hand_cannot_have_a_payment_address(post_room: PostRoom) -> None:
    await post_room.hear(make.invoice_sent_by_hand())
    await post_room.work()

    with pytest.raises(asyncpg.CheckViolationError):
        await post_room.database.fetch("update notification.mails set payment_url = 'https://buy.stripe.com/x'")


async def test_every_table_with_an_organisation_forces_row_security(post_room: PostRoom) -> None:
    rows = await post_room.database.fetch(
        "select c.relname from pg_class c join pg_attribute a on a.attrelid = c.oid and a.attname = 'organization_id' "
        "where c.relnamespace = 'notification'::regnamespace and c.relkind = 'r' "
        "and not (c.relrowsecurity and c.relforcerowsecurity)"
    )

    assert [row["relname"] for row in rows] == []


@pytest.mark.parametrize(
    "change",
    [
        "payment_url = 'https://invoices.nordlicht.example/invitation/ic_invite_x'",
        "collection_method = 'manual'",
        "kind = 'invoice'",
        "kind = 'farewell'",
        "invoice_id = gen_random_uuid()",
    ],
)
async def test_a_mail_about_an_account_has_no_invoice_no_method_and_no_payment_address(
    post_room: PostRoom, change: str
) -> None:
    await post_room.hear(make.account_mail())
    await post_room.work()

    with pytest.raises(asyncpg.CheckViolationError):
        await post_room.database.fetch(f"update notification.mails set {change}")


@pytest.mark.parametrize("change", ["invoice_id = null", "kind = 'invitation'", "collection_method = null"])
async def test_a_mail_about_an_invoice_cannot_become_one_about_an_account(post_room: PostRoom, change: str) -> None:
    await post_room.hear(make.invoice_sent_by_hand())
    await post_room.work()

    with pytest.raises(asyncpg.CheckViolationError):
        await post_room.database.fetch(f"update notification.mails set {change}")
