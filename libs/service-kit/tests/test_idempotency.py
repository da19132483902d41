"""Idempotency keys: one effect and one answer per key, in whatever way and however often it is asked."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from uuid import UUID

import pytest
from kit_tests.rows import IdempotencyKey
from service_kit.database import Database, run_sql
from service_kit.idempotency import (
    FORGOTTEN_AT_ONCE,
    KEPT_HOURS,
    Answer,
    IdempotencyKeyMalformed,
    IdempotencyKeyReused,
    fingerprint_of,
    run_once,
    run_once_outside,
)
from service_kit.identifiers import new_id
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import run_until
from sqlmodel.ext.asyncio.session import AsyncSession

FINGERPRINT = fingerprint_of(method="POST", path="/v1/things", body=b"{}")
Work = Callable[[AsyncSession], Awaitable[Answer]]


def make_thing(organization_id: UUID) -> Work:
    async def work(session: AsyncSession) -> Answer:
        event_id = new_id()
        await run_sql(
            session,
            "insert into effects (organization_id, event_id) values (:organization_id, :event_id)",
            {"organization_id": organization_id, "event_id": event_id},
        )
        await asyncio.sleep(0.01)
        return Answer(status=201, body={"id": event_id}, headers={"Location": "/things/1"})

    return work


async def once(
    database: Database, organization_id: UUID, *, key: str | None = "k", fingerprint: bytes = FINGERPRINT, work: Work
) -> Answer:
    return await run_once(
        database=database,
        table=IdempotencyKey,
        organization_id=organization_id,
        key=key,
        fingerprint=fingerprint,
        work=work,
    )


async def effects(database: ServiceDatabase) -> int:
    return len(await database.fetch("select 1 from payment.effects"))


async def test_fifty_calls_at_once_with_one_key_have_one_effect_and_one_answer(
    service_database: ServiceDatabase,
) -> None:
    app, organization_id = service_database.open("payment"), new_id()

    answers = await asyncio.gather(*(once(app, organization_id, work=make_thing(organization_id)) for _ in range(50)))

    assert await effects(service_database) == 1
    assert len({answer.body["id"] for answer in answers}) == 1
    assert {answer.status for answer in answers} == {201}
    assert sum("Idempotency-Replayed" not in answer.headers for answer in answers) == 1


async def test_a_replay_equals_the_first_answer(service_database: ServiceDatabase) -> None:
    app, organization_id = service_database.open("payment"), new_id()

    first = await once(app, organization_id, work=make_thing(organization_id))
    again = await once(app, organization_id, work=make_thing(organization_id))

    assert again.body == first.body
    assert again.headers == {"Location": "/things/1", "Idempotency-Replayed": "true"}


async def test_the_same_key_for_another_request_is_refused(service_database: ServiceDatabase) -> None:
    app, organization_id = service_database.open("payment"), new_id()
    await once(app, organization_id, work=make_thing(organization_id))

    with pytest.raises(IdempotencyKeyReused):
        await once(app, organization_id, fingerprint=b"other", work=make_thing(organization_id))


async def test_keys_of_two_organisations_do_not_meet(service_database: ServiceDatabase) -> None:
    app = service_database.open("payment")

    for organization_id in (new_id(), new_id()):
        await once(app, organization_id, work=make_thing(organization_id))

    assert await effects(service_database) == 2


async def test_work_that_fails_leaves_the_key_free(service_database: ServiceDatabase) -> None:
    app, organization_id = service_database.open("payment"), new_id()

    async def fail(_session: AsyncSession) -> Answer:
        raise KeyError

    with pytest.raises(KeyError):
        await once(app, organization_id, work=fail)
    answer = await once(app, organization_id, work=make_thing(organization_id))

    assert answer.status == 201


async def test_a_caller_that_is_cancelled_finds_the_work_done_when_it_asks_again(
    service_database: ServiceDatabase,
) -> None:
    app, organization_id = service_database.open("payment"), new_id()
    entered = asyncio.Event()

    async def slow(session: AsyncSession) -> Answer:
        entered.set()
        return await make_thing(organization_id)(session)

    caller = asyncio.create_task(once(app, organization_id, work=slow))
    await entered.wait()
    caller.cancel()
    with pytest.raises(asyncio.CancelledError):
        await caller
    again = await once(app, organization_id, work=make_thing(organization_id))

    assert await effects(service_database) == 1
    assert again.headers["Idempotency-Replayed"] == "true"


@pytest.mark.parametrize("key", ["", "x" * 256, "tab\there", "ümlaut"])
async def test_a_key_that_cannot_be_one_is_refused(service_database: ServiceDatabase, key: str) -> None:
    organization_id = new_id()

    with pytest.raises(IdempotencyKeyMalformed):
        await once(service_database.open("payment"), organization_id, key=key, work=make_thing(organization_id))


async def test_without_a_key_the_work_simply_runs(service_database: ServiceDatabase) -> None:
    app, organization_id = service_database.open("payment"), new_id()

    for _ in range(2):
        await once(app, organization_id, key=None, work=make_thing(organization_id))

    assert await effects(service_database) == 2


async def test_what_is_shown_once_is_in_the_first_answer_and_in_no_row(service_database: ServiceDatabase) -> None:
    app, organization_id = service_database.open("payment"), new_id()

    async def work(_session: AsyncSession) -> Answer:
        return Answer(status=201, body={"id": "1", "secret": None}, shown_once={"secret": "canary-4711"})

    first = await once(app, organization_id, work=work)
    again = await once(app, organization_id, work=work)
    keyless = await once(app, organization_id, key=None, work=work)

    assert first.body == keyless.body == {"id": "1", "secret": "canary-4711"}
    assert again.body == {"id": "1", "secret": None}
    rows = await service_database.fetch("select k::text as row from payment.idempotency_keys k")
    assert len(rows) == 1
    assert "canary" not in rows[0]["row"]
    assert "canary" not in repr(Answer(status=201, body={}, shown_once={"secret": "canary-4711"}))


@dataclass
class Outside:
    """Another service, which counts how often it was called."""

    calls: int = 0
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def __call__(self) -> str:
        self.calls += 1
        await self.gate.wait()
        return "told"

    async def once(
        self, database: Database, organization_id: UUID, *, fingerprint: bytes = FINGERPRINT, key: str | None = "k"
    ) -> Answer:
        async def work(session: AsyncSession, told: str) -> Answer:
            made = await make_thing(organization_id)(session)
            return Answer(status=200, body={**made.body, "told": told})

        return await run_once_outside(
            database=database,
            table=IdempotencyKey,
            organization_id=organization_id,
            key=key,
            fingerprint=fingerprint,
            call=self,
            work=work,
        )


async def test_a_call_outside_is_answered_again_without_another_call(service_database: ServiceDatabase) -> None:
    app, organization_id, outside = service_database.open("payment"), new_id(), Outside()
    outside.gate.set()

    first = await outside.once(app, organization_id)
    again = await outside.once(app, organization_id)

    assert (again.body, outside.calls) == (first.body, 1)
    assert again.headers == {"Idempotency-Replayed": "true"}


async def test_another_request_is_refused_while_the_call_of_the_first_is_under_way(
    service_database: ServiceDatabase,
) -> None:
    app, organization_id, outside = service_database.open("payment"), new_id(), Outside()
    first = asyncio.create_task(outside.once(app, organization_id))
    await run_until(lambda: outside.calls == 1)

    with pytest.raises(IdempotencyKeyReused):
        await outside.once(app, organization_id, fingerprint=b"other")
    outside.gate.set()
    await first

    assert outside.calls == 1
    assert await effects(service_database) == 1


async def test_twins_that_both_call_have_one_effect_and_one_answer(service_database: ServiceDatabase) -> None:
    app, organization_id, outside = service_database.open("payment"), new_id(), Outside()
    twins = [asyncio.create_task(outside.once(app, organization_id)) for _ in range(4)]
    await run_until(lambda: outside.calls == 4)
    outside.gate.set()

    answers = await asyncio.gather(*twins)

    assert await effects(service_database) == 1
    assert len({answer.body["id"] for answer in answers}) == 1


async def test_a_call_that_fails_or_is_cancelled_leaves_the_key_free(service_database: ServiceDatabase) -> None:
    app, organization_id, outside = service_database.open("payment"), new_id(), Outside()
    cancelled = asyncio.create_task(outside.once(app, organization_id))
    await run_until(lambda: outside.calls == 1)
    cancelled.cancel()
    with pytest.raises(asyncio.CancelledError):
        await cancelled

    outside.gate.set()
    answer = await outside.once(app, organization_id, fingerprint=b"other")

    assert answer.status == 200


async def test_without_a_key_a_call_outside_simply_runs(service_database: ServiceDatabase) -> None:
    app, organization_id, outside = service_database.open("payment"), new_id(), Outside()
    outside.gate.set()

    for _ in range(2):
        await outside.once(app, organization_id, key=None)

    assert (outside.calls, await effects(service_database)) == (2, 2)


async def test_a_key_is_good_for_a_day_and_then_forgotten(service_database: ServiceDatabase) -> None:
    app, organization_id, other = service_database.open("payment"), new_id(), new_id()
    work = make_thing(organization_id)
    first = await once(app, organization_id, work=work)
    await once(app, other, work=make_thing(other))
    await service_database.advance_clock("payment", seconds=KEPT_HOURS * 3600 - 60)
    within = await once(app, organization_id, work=work)
    await service_database.advance_clock("payment", seconds=KEPT_HOURS * 3600 + 60)

    after = await once(app, organization_id, work=work)

    assert within.body == first.body
    assert after.body != first.body
    assert len(await service_database.fetch("select 1 from payment.idempotency_keys")) == 2


async def test_old_keys_go_with_the_use_of_new_ones(service_database: ServiceDatabase) -> None:
    app, organization_id = service_database.open("payment"), new_id()
    for number in range(FORGOTTEN_AT_ONCE + 5):
        await once(app, organization_id, key=f"old-{number}", work=make_thing(organization_id))
    await service_database.advance_clock("payment", seconds=KEPT_HOURS * 3600 + 60)

    await once(app, organization_id, key="new-1", work=make_thing(organization_id))
    left = await service_database.fetch("select 1 from payment.idempotency_keys where key like 'old-%'")
    await once(app, organization_id, key="new-2", work=make_thing(organization_id))

    assert len(left) == 5
    assert {row["key"] for row in await service_database.fetch("select key from payment.idempotency_keys")} == {
        "new-1",
        "new-2",
    }
