"""Whatever happens to master keys at the same moment, no data key ends under one that is gone."""

import asyncio
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from uuid import UUID

import pytest
from payment_service.actions.open_access import SECRET_KEY_PURPOSE, seal_for
from payment_service.actions.rotate_master_key import (
    KeyNotRetired,
    KeysBusy,
    Rewrapped,
    retire_master_key,
    rewrap_data_key,
    rotate_master_key,
)
from payment_service.key_vault import MasterKeys
from payment_service.keyring import Keyring, KeyringFile
from payment_service.keyring_edits import put_first
from payment_service.queries.data_keys import WrappedKey, hold_key_commands, newest_data_key_row
from payment_tests.fakes import KEY, FakeStripe
from payment_tests.key_bench import KeyBench, open_in
from payment_tests.make import NOW
from service_kit.database import create_database, run_sql
from service_kit.identifiers import new_id
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import run_until
from sqlmodel.ext.asyncio.session import AsyncSession


@pytest.fixture
def bench(service_database: ServiceDatabase, tmp_path: Path) -> KeyBench:
    return KeyBench(rows=service_database, path=tmp_path / "master.keys")


async def test_a_secret_being_stored_while_a_key_is_retired_keeps_its_key(bench: KeyBench) -> None:
    (old,), organization_id = bench.kids(), new_id()
    async with bench.as_app(organization_id) as session:
        await _seal(session, organization_id, bench.running)
        await session.flush()
        put_first(bench.path, now=NOW)
        retiring = asyncio.create_task(bench.retire(old))
        await bench.somebody_waits_for_a_lock()

    with pytest.raises(KeyNotRetired, match="still wraps 1"):
        await retiring

    assert old in bench.kids()


async def test_a_secret_stored_under_the_old_key_while_a_rotation_begins_is_wrapped_anew(bench: KeyBench) -> None:
    (old,), organization_id = bench.kids(), new_id()
    async with bench.as_app(organization_id) as session:
        await _seal(session, organization_id, bench.running)
        await session.flush()
        put_first(bench.path, now=NOW)
        rotating = asyncio.create_task(bench.rotate())
        await bench.somebody_waits_for_a_lock()

    report = await rotating

    assert (report.made_key, report.rewrapped, report.old_kids) == (False, 1, (old,))
    assert await bench.wrapped_by() == [bench.kids()[0]]


async def test_what_is_stored_after_a_key_was_retired_is_not_under_it(bench: KeyBench, stripe: FakeStripe) -> None:
    (old,) = bench.kids()
    slow: Keyring = _Unaware(bench.path, guarded=True)
    await bench.rotate()
    await bench.retire(old)

    await bench.connect(stripe, keyring=slow)

    assert await bench.wrapped_by() == bench.kids()
    assert old not in bench.kids()


async def test_two_rotations_at_once_take_turns_and_everything_opens(bench: KeyBench, stripe: FakeStripe) -> None:
    for _ in range(5):
        await bench.connect(stripe)

    reports = await asyncio.gather(bench.rotate(), bench.rotate())

    assert [report.rewrapped for report in reports] == [5, 5]
    assert all(report.made_key for report in reports)
    assert len(bench.kids()) == 3
    assert await bench.wrapped_by() == [bench.kids()[0]] * 5
    assert await bench.opened() == {KEY}


async def test_a_rotation_that_takes_long_keeps_its_lock_to_the_end(bench: KeyBench, stripe: FakeStripe) -> None:
    organization_id = await bench.connect(stripe)
    role, database = bench.rows.role("payment", "worker"), bench.rows.name
    await bench.rows.fetch(
        f"alter role {role} in database {database} set idle_in_transaction_session_timeout = '500ms'"
    )

    async with bench.as_app(organization_id) as session:
        await run_sql(session, "select 1 from data_keys for update")
        rotating = asyncio.create_task(bench.rotate())
        await bench.somebody_waits_for_a_lock()
        await run_until(lambda: _has_been_idle_or_is_gone(bench, role))
    report = await rotating

    assert (report.made_key, report.rewrapped) == (True, 1)


async def test_while_another_command_works_on_the_keys_a_rotation_says_so_and_changes_nothing(bench: KeyBench) -> None:
    before = bench.path.read_text()

    async with bench.rows.open("payment", "worker").transaction(organization_id=None) as session:
        await hold_key_commands(session)
        with pytest.raises(KeysBusy, match="run this again"):
            await bench.rotate()

    assert bench.path.read_text() == before


async def test_a_data_key_that_another_run_wraps_at_the_same_time_is_left_as_that_run_wrote_it(
    bench: KeyBench, stripe: FakeStripe
) -> None:
    organization_id = await bench.connect(stripe)
    (row,) = await bench.rows.fetch("select id from payment.data_keys")
    listed = WrappedKey(organization_id=organization_id, key_id=row["id"])
    put_first(bench.path, now=NOW)
    app = bench.rows.open("payment")

    async with bench.as_app(organization_id) as session:
        await run_sql(session, "select 1 from data_keys for update")
        rewrapping = asyncio.create_task(rewrap_data_key(app=app, keyring=bench.keyring(), listed=listed))
        await bench.somebody_waits_for_a_lock()
        theirs = f"v1:{bench.kids()[0]}:theirs:theirs"
        await run_sql(session, "update data_keys set wrapped = :theirs", {"theirs": theirs})

    assert await rewrapping is Rewrapped.BEFORE
    (row,) = await bench.rows.fetch("select wrapped from payment.data_keys")
    assert row["wrapped"] == theirs


async def test_a_key_retired_between_two_reads_of_one_opening_does_not_fail_it(
    bench: KeyBench, stripe: FakeStripe
) -> None:
    organization_id = await bench.connect(stripe)
    (old,) = bench.kids()
    rotations: list[str] = []

    class RotatedMeanwhile(KeyringFile):
        """The data key's row was read; before this keyring answers, a whole rotation happens elsewhere."""

        def master_keys(self, *, needing: str = "") -> MasterKeys:
            if not rotations:
                rotations.append(needing)
                with ThreadPoolExecutor(1) as pool:
                    pool.submit(asyncio.run, _rotate_and_retire(bench, old)).result()
            return super().master_keys(needing=needing)

    opened = await bench.open(organization_id, RotatedMeanwhile(bench.path, guarded=True))

    assert opened == KEY
    assert rotations == [old]
    assert old not in bench.kids()


async def test_a_session_that_read_the_data_key_before_the_rotation_opens_with_it_afterwards(
    bench: KeyBench, stripe: FakeStripe
) -> None:
    organization_id = await bench.connect(stripe)
    (old,) = bench.kids()

    async with bench.as_app(organization_id) as session:
        held = await newest_data_key_row(session, organization_id=organization_id)
        await bench.rotate()
        await bench.retire(old)
        opened = await open_in(session, organization_id, bench.running)

    assert held is not None
    assert opened == KEY


async def _seal(session: AsyncSession, organization_id: UUID, keyring: Keyring) -> None:
    await seal_for(
        session,
        organization_id=organization_id,
        purpose=SECRET_KEY_PURPOSE,
        row_id=new_id(),
        secret=KEY,
        keyring=keyring,
        now=NOW,
    )


async def _rotate_and_retire(bench: KeyBench, old: str) -> None:
    """In an event loop of its own, so with connections of its own."""
    app = create_database(url=bench.rows.url("payment"), application_name="test elsewhere")
    worker = create_database(url=bench.rows.url("payment", "worker"), application_name="test elsewhere")
    await rotate_master_key(app=app, worker=worker, keyring=bench.keyring(), now=NOW, progress=lambda _: None)
    await retire_master_key(worker=worker, keyring=bench.keyring(), kid=old)
    await app.dispose()
    await worker.dispose()


async def _has_been_idle_or_is_gone(bench: KeyBench, role: str) -> bool:
    """No connection of ``role`` in this database began its idle transaction within the last second."""
    recent = await bench.rows.fetch(
        "select 1 from pg_stat_activity where usename = $1 and datname = current_database()"
        " and state = 'idle in transaction' and state_change > clock_timestamp() - interval '1 s'",
        role,
    )
    return not recent


class _Unaware(KeyringFile):
    """On a file system that does not show a change until the file is opened."""

    def _stamp_now(self) -> tuple[int, ...]:
        return self._stamp
