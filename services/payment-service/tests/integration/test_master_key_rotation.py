"""The master key is rotated and the old one retired while processes run, and no secret is lost or shown on the way."""

import base64
import io
import json
from pathlib import Path
from uuid import UUID

import pytest
from contracts.events.payment import PaymentLinkCreated
from payment_service.actions.receive_webhook import EndpointNotReady
from payment_service.actions.rotate_master_key import (
    KeyNotRetired,
)
from payment_service.crash_boundaries import KEY_ROTATION_POINTS
from payment_service.key_vault import MasterKeys, SecretUnreadable, read_keyring_text, read_master_keys
from payment_service.keyring import FixedKeyring
from payment_service.keyring_edits import put_first
from payment_tests.fakes import KEY, OTHER_KEY, FakeStripe
from payment_tests.key_bench import KeyBench
from payment_tests.make import NOW, Desk, desk_with, event_body
from service_kit.database import run_sql
from service_kit.errors import Unavailable
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import run_until
from sqlalchemy.exc import DBAPIError


@pytest.fixture
def bench(service_database: ServiceDatabase, tmp_path: Path) -> KeyBench:
    return KeyBench(rows=service_database, path=tmp_path / "master.keys")


async def test_after_a_rotation_the_old_key_is_taken_away_and_everything_still_opens(
    bench: KeyBench, stripe: FakeStripe
) -> None:
    for key in (KEY, OTHER_KEY, KEY):
        await bench.connect(stripe, key=key)
    (old,) = bench.kids()
    sealed = await bench.rows.fetch("select sealed from payment.secret_keys order by id")

    rotated = await bench.command("rotate")
    retired = await bench.command("retire", old)

    answer = json.loads(rotated.output)
    (new,) = bench.kids()
    assert answer == {"made_key": True, "new_kid": new, "old_kids": [old], "rewrapped": 3, "unreadable": 0}
    assert json.loads(rotated.errors.splitlines()[-1]) == {"rewrapped": 3}
    assert (retired.status, json.loads(retired.output)) == (0, {"retired": old})
    assert await bench.wrapped_by() == [new] * 3
    assert await bench.opened() == {KEY, OTHER_KEY}
    assert await bench.rows.fetch("select sealed from payment.secret_keys order by id") == sealed


@pytest.mark.parametrize("boundary", [*sorted(KEY_ROTATION_POINTS), "payment.before_rewrap_commit:2"])
async def test_a_rotation_killed_anywhere_is_finished_by_the_next_run_with_the_same_key(
    bench: KeyBench, stripe: FakeStripe, boundary: str
) -> None:
    for _ in range(3):
        await bench.connect(stripe)
    (old,) = bench.kids()

    killed = await bench.process("payment_service.cli", "keys", "rotate", IC_CRASH_AT=boundary)
    kids_when_killed, opened_when_killed = bench.kids(), await bench.opened()
    await bench.rotate()

    assert killed.status == -9
    assert opened_when_killed == {KEY}
    new, *others = bench.kids()
    assert others == [old]
    assert kids_when_killed == ([old] if boundary == "payment.before_keyring_replace" else [new, old])
    assert await bench.wrapped_by() == [new] * 3
    assert [entry.name for entry in bench.path.parent.iterdir()] == [bench.path.name]
    await bench.retire(old)
    assert await bench.opened() == {KEY}


async def test_a_key_that_wraps_something_is_current_or_unknown_is_not_retired(
    bench: KeyBench, stripe: FakeStripe
) -> None:
    await bench.connect(stripe)
    (old,) = bench.kids()
    put_first(bench.path, now=NOW)
    before = bench.path.read_text()

    for kid, reason in ((old, "still wraps 1"), (bench.kids()[0], "current key"), ("k9", "no such key")):
        with pytest.raises(KeyNotRetired, match=reason):
            await bench.retire(kid)

    assert bench.path.read_text() == before
    assert await bench.opened() == {KEY}


async def test_without_its_master_key_a_secret_is_refused_by_the_id_of_that_key_alone(
    bench: KeyBench, stripe: FakeStripe
) -> None:
    organization_id = await bench.connect(stripe)
    (kid,) = bench.kids()
    await bench.rows.fetch("update payment.data_keys set wrapped = replace(wrapped, $1, 'k_gone')", kid)

    with pytest.raises(SecretUnreadable) as refusal:
        await bench.open(organization_id)

    assert str(refusal.value) == "the master key 'k_gone' that wrapped this data key is not configured"


async def test_a_wrapped_key_that_names_another_master_key_does_not_open_with_it(
    bench: KeyBench, stripe: FakeStripe
) -> None:
    organization_id = await bench.connect(stripe)
    (kid,) = bench.kids()
    other = put_first(bench.path, now=NOW)
    await bench.rows.fetch("update payment.data_keys set wrapped = replace(wrapped, $1, $2)", kid, other)

    with pytest.raises(SecretUnreadable, match="does not open"):
        await bench.open(organization_id)
    report = await bench.rotate()

    assert (report.rewrapped, report.unreadable) == (0, 1)
    with pytest.raises(KeyNotRetired, match="still wraps 1"):
        await bench.retire(other)


async def test_a_task_waits_for_a_master_key_that_comes_back_and_no_process_is_started_again(
    service_database: ServiceDatabase, stripe: FakeStripe, bench: KeyBench, log: io.StringIO
) -> None:
    async with desk_with(service_database, stripe, keyring=bench.running, webhook_base_url="https://h.test") as desk:
        await desk.connect()
        await desk.quiet()
        whole = bench.path.read_text()
        await bench.rotate(FixedKeyring(_with_another_first(whole)))
        event = {"id": "evt_1", "type": "x"}

        with pytest.raises(EndpointNotReady):
            await desk.deliver(event_body(event), secret=str(stripe.owner.endpoints[0]["secret"]))
        await desk.say(desk.invoice().sent())
        await run_until(lambda: _has_waited(desk))
        bench.path.write_text(f"{whole}other:{base64.b64encode(b'o' * 32).decode()}\n")
        await desk.quiet(hurry=True)

        assert len(await desk.heard(PaymentLinkCreated)) == 1
        assert await desk.parked() == []
    assert "the master key 'other' that wrapped this data key is not configured" in log.getvalue()
    assert not any(secret in log.getvalue() for secret in bench.secrets())


async def test_without_a_readable_keyring_no_secret_is_stored_and_the_caller_may_try_again(
    bench: KeyBench, stripe: FakeStripe
) -> None:
    bench.path.unlink()

    with pytest.raises(Unavailable, match="Nothing was changed"):
        await bench.connect(stripe)

    assert await bench.rows.fetch("select 1 from payment.data_keys") == []
    assert await bench.rows.fetch("select 1 from payment.secret_keys") == []


async def test_keys_of_the_environment_are_moved_to_the_first_of_them_and_no_key_is_made(
    bench: KeyBench, stripe: FakeStripe
) -> None:
    old = f"k1:{base64.b64encode(b'1' * 32).decode()}"
    both = f"k2:{base64.b64encode(b'2' * 32).decode()},{old}"
    await bench.connect(stripe, keyring=FixedKeyring(read_master_keys(old)))

    rotated = await bench.command("rotate", IC_MASTER_KEYS=both, IC_MASTER_KEYS_FILE="")
    retired = await bench.command("retire", "k1", IC_MASTER_KEYS=both, IC_MASTER_KEYS_FILE="")

    answer = json.loads(rotated.output)
    assert (answer["made_key"], answer["new_kid"], answer["rewrapped"]) == (False, "k2", 1)
    assert "IC_MASTER_KEYS is fixed" in answer["note"]
    assert (retired.status, retired.output) == (1, "")
    assert "take it out of IC_MASTER_KEYS" in retired.errors
    assert await bench.wrapped_by() == ["k2"]
    assert await bench.opened(FixedKeyring(read_master_keys(both))) == {KEY}


async def test_a_keyring_is_made_once_by_command_and_begins_with_the_keys_there_were(bench: KeyBench) -> None:
    before = f"k2:{base64.b64encode(b'2' * 32).decode()},k1:{base64.b64encode(b'1' * 32).decode()}"
    path = bench.path.parent / "new.keys"
    settings = {"IC_MASTER_KEYS_FILE": str(path), "IC_INITIAL_MASTER_KEYS": before}

    first = await bench.command("create", **settings)
    again = await bench.command("create", **settings | {"IC_INITIAL_MASTER_KEYS": ""})

    assert json.loads(first.output) == {"created": True, "current": "k2"}
    assert json.loads(again.output) == {"created": False, "current": "k2"}
    assert read_keyring_text(path.read_text()) == read_master_keys(before)


async def test_the_status_names_every_key_and_counts_what_it_wraps(bench: KeyBench, stripe: FakeStripe) -> None:
    await bench.connect(stripe)
    (old,) = bench.kids()
    new = put_first(bench.path, now=NOW)
    await bench.connect(stripe)
    gone = await bench.connect(stripe)
    await bench.rows.fetch(
        "update payment.data_keys set wrapped = replace(wrapped, $1, 'k_gone') where organization_id = $2", new, gone
    )

    said = await bench.command("status")

    assert json.loads(said.output)["master_keys"] == [
        {"kid": new, "current": True, "in_keyring": True, "data_keys": 1},
        {"kid": old, "current": False, "in_keyring": True, "data_keys": 1},
        {"kid": "k_gone", "current": False, "in_keyring": False, "data_keys": 1},
    ]


async def test_no_command_and_no_process_that_cannot_start_shows_a_key(bench: KeyBench, stripe: FakeStripe) -> None:
    await bench.connect(stripe)
    (old,) = bench.kids()
    secrets = bench.secrets()
    words = [("status",), ("rotate",), ("retire", old), ("retire", "k9"), ("create",)]

    said = [await bench.command(*command) for command in words]
    secrets += bench.secrets()
    bench.path.write_text(f"k1:{secrets[0]}\nk1:{secrets[0]}\n")
    said.append(await bench.command("rotate"))
    said.append(await bench.process("payment_service.worker"))

    assert [one.status for one in said] == [0, 0, 0, 1, 0, 1, 1]
    shown = "".join(one.output + one.errors for one in said)
    assert "each master key needs an id of its own" in said[-1].output
    assert not any(secret in shown for secret in secrets)


async def test_the_look_across_organisations_is_for_the_worker_and_shows_no_key(
    bench: KeyBench, stripe: FakeStripe
) -> None:
    organization_id = await bench.connect(stripe)
    looks = ("select * from payment.data_keys_counted()",
             f"select * from payment.data_keys_wrapped_by('k1', '{UUID(int=0)}', 10)")  # fmt: skip

    for look in looks:
        with pytest.raises(DBAPIError, match="permission denied"):
            async with bench.as_app(organization_id) as session:
                await run_sql(session, look)
    async with bench.rows.open("payment", "worker").transaction(organization_id=None) as session:
        columns = [column for look in looks for column in (await run_sql(session, look)).keys()]  # noqa: SIM118

    assert columns == ["master_key_id", "data_keys", "organization_id", "key_id"]


async def test_the_app_may_change_nothing_of_a_data_key_but_its_wrapping(bench: KeyBench, stripe: FakeStripe) -> None:
    organization_id = await bench.connect(stripe)

    for change in ("update data_keys set id = gen_random_uuid()", "delete from data_keys"):
        with pytest.raises(DBAPIError, match="permission denied"):
            async with bench.as_app(organization_id) as session:
                await run_sql(session, change)

    assert await bench.opened() == {KEY}


def _with_another_first(text: str) -> MasterKeys:
    return MasterKeys(current="other", keys={"other": b"o" * 32, **read_keyring_text(text).keys})


async def _has_waited(desk: Desk) -> bool:
    waiting = "select 1 from payment.inbox where type = 'task.create_payment_link' and first_error is not null"
    return bool(await desk.rows.fetch(waiting))
