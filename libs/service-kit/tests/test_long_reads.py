"""Snapshots see one moment and write nothing, and an answer that streams gets the time that it asked for."""

import asyncio
from collections.abc import AsyncIterator

import httpx
import pytest
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from service_kit.clock import SystemClock
from service_kit.database import Database, run_sql
from service_kit.http import create_api
from service_kit.http_door import HttpDoor
from service_kit.identifiers import new_id
from service_kit.testing.databases import ServiceDatabase
from sqlalchemy.exc import DBAPIError

INSERT = "insert into effects (organization_id, event_id) values (:organization_id, gen_random_uuid())"
COUNT = "select count(*) from effects"


async def test_a_snapshot_does_not_see_what_others_commit_meanwhile(service_database: ServiceDatabase) -> None:
    app, organization_id = service_database.open("payment"), new_id()

    async with app.snapshot(organization_id=organization_id) as reading:
        before = (await run_sql(reading, COUNT)).scalar_one()
        async with app.transaction(organization_id=organization_id) as writing:
            await run_sql(writing, INSERT, {"organization_id": organization_id})
        during = (await run_sql(reading, COUNT)).scalar_one()
    async with app.snapshot(organization_id=organization_id) as reading:
        after = (await run_sql(reading, COUNT)).scalar_one()

    assert (before, during, after) == (0, 0, 1)


async def test_a_snapshot_shows_only_its_organisation(service_database: ServiceDatabase) -> None:
    app, organization_id = service_database.open("payment"), new_id()
    async with app.transaction(organization_id=organization_id) as writing:
        await run_sql(writing, INSERT, {"organization_id": organization_id})

    async with app.snapshot(organization_id=new_id()) as reading:
        seen = (await run_sql(reading, COUNT)).scalar_one()

    assert seen == 0


async def _write_into_snapshot(database: Database) -> None:
    organization_id = new_id()
    async with database.snapshot(organization_id=organization_id) as session:
        await run_sql(session, INSERT, {"organization_id": organization_id})


async def test_nothing_is_written_in_a_snapshot_and_the_connection_is_as_before_afterwards(
    service_database: ServiceDatabase,
) -> None:
    app, organization_id = service_database.open("payment", pool_size=1), new_id()

    with pytest.raises(DBAPIError, match="read-only transaction"):
        await _write_into_snapshot(app)
    async with app.transaction(organization_id=organization_id) as session:
        await run_sql(session, INSERT, {"organization_id": organization_id})
        level = (await run_sql(session, "show transaction_isolation")).scalar_one()

    assert level == "read committed"


def _slow_api(*, stream_seconds: float | None) -> FastAPI:
    api = create_api(
        title="Slow", service="slow", clock=SystemClock(), ready_checks=(), door=HttpDoor(handler_seconds=0.2)
    )

    async def chunks() -> AsyncIterator[bytes]:
        for _ in range(4):
            yield b"x"
            await asyncio.sleep(0.1)

    async def stream(request: Request) -> StreamingResponse:
        if stream_seconds is not None:
            request.state.stream_seconds = stream_seconds
        return StreamingResponse(chunks())

    api.add_api_route("/stream", stream)
    return api


async def _stream(api: FastAPI) -> bytes:
    transport = httpx.ASGITransport(app=api)
    async with httpx.AsyncClient(transport=transport, base_url="http://slow.test") as client:
        return (await client.get("/stream")).content


async def test_an_answer_that_streams_has_the_time_it_asked_for() -> None:
    assert await _stream(_slow_api(stream_seconds=5)) == b"xxxx"


async def test_without_asking_an_answer_ends_with_the_time_of_its_handler() -> None:
    with pytest.raises(TimeoutError):
        await _stream(_slow_api(stream_seconds=None))


async def test_the_time_of_a_stream_ends_as_well() -> None:
    with pytest.raises(TimeoutError):
        await _stream(_slow_api(stream_seconds=0.1))
