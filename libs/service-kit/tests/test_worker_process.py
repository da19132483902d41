"""The whole worker: its probes tell the truth, its stop is graceful, and several of them share one process."""

import asyncio
from collections.abc import Callable

import httpx
import pytest
from contracts.catalogue import Service
from kit_tests.rows import Inbox, add_effect, link_failed, record
from service_kit.handlers import OutsideWork, WithOutsideCall
from service_kit.http import AddressTaken, listening
from service_kit.identifiers import new_id
from service_kit.inbox import enqueue_task
from service_kit.testing.brokers import KitBroker
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.tcp_proxy import tcp_proxy
from service_kit.testing.waiting import eventually, run_until
from service_kit.testing.workers import worker_running
from service_kit.worker_process import PartEnded, WorkerConfig, run_worker
from yarl import URL

MakeConfig = Callable[..., WorkerConfig]


def free_port() -> int:
    with listening(host="127.0.0.1", port=0) as free:
        port: int = free.getsockname()[1]
        return port


async def readiness(port: int) -> tuple[int, dict[str, dict[str, object]]]:
    async with httpx.AsyncClient() as http:
        answer = await http.get(f"http://127.0.0.1:{port}/readyz")
    return answer.status_code, answer.json()["checks"]


async def becomes(port: int, status: int) -> dict[str, dict[str, object]]:
    async def look() -> dict[str, dict[str, object]]:
        found, checks = await readiness(port)
        assert found == status, checks
        return checks

    return await eventually(look, timeout_seconds=25)


async def test_readiness_is_a_round_trip_through_the_broker_and_turns_red_in_a_black_hole(
    worker_config: MakeConfig, broker: KitBroker
) -> None:
    upstream = URL(broker.url)
    port = free_port()
    async with tcp_proxy(host=upstream.host or "", port=upstream.port or 5672) as proxy:
        url = str(upstream.with_host("127.0.0.1").with_port(proxy.listening_port))
        async with worker_running(worker_config(broker_url=url, health_port=port)):
            green = await becomes(port, 200)
            proxy.black_hole()
            red = await becomes(port, 503)
            proxy.cut()
            proxy.heal()
            await becomes(port, 200)

    assert "round trip in" in str(green["broker"]["detail"])
    assert green["session"]["ok"] is True
    assert red["broker"]["ok"] is False
    assert red["database"]["ok"] is True


async def test_a_stop_during_an_outside_call_lets_it_be_recorded(
    worker_config: MakeConfig, service_database: ServiceDatabase
) -> None:
    calling = asyncio.Event()

    async def handle(work: OutsideWork) -> None:
        calling.set()
        await asyncio.sleep(0.5)
        async with work.completion() as session:
            await add_effect(session, work.delivery, "recorded")

    organization_id = new_id()
    async with worker_running(worker_config({"task.test": WithOutsideCall(handle)})):
        async with service_database.open("payment").transaction(organization_id=organization_id) as session:
            await enqueue_task(session, Inbox, task_type="task.test", organization_id=organization_id, payload={})
        await calling.wait()

    (row,) = await service_database.fetch("select state from payment.inbox")
    assert row["state"] == "done"


async def test_two_workers_of_one_service_share_a_process_and_the_work(
    worker_config: MakeConfig, service_database: ServiceDatabase, broker: KitBroker
) -> None:
    organization_id = new_id()
    async with worker_running(worker_config()), worker_running(worker_config()):
        await record(service_database.open("payment"), *(link_failed(organization_id) for _ in range(30)))
        await run_until(lambda: _all_out(service_database), timeout_seconds=20)

    messages = await broker.take_all(broker.inbox_queue(Service.INVOICE))
    assert len({message.message_id for message in messages}) == 30


async def test_a_worker_that_cannot_serve_its_probes_ends_with_the_reason(worker_config: MakeConfig) -> None:
    with listening(host="127.0.0.1", port=0) as taken:
        config = worker_config(health_port=taken.getsockname()[1])

        with pytest.raises(PartEnded) as ended:
            await run_worker(config, stop=asyncio.Event())

    assert isinstance(ended.value.__cause__, AddressTaken)


async def test_nothing_is_left_running_or_connected_after_a_stop(
    worker_config: MakeConfig, service_database: ServiceDatabase
) -> None:
    before = len(asyncio.all_tasks())

    async with worker_running(worker_config()):
        pass
    await service_database.close()

    await run_until(lambda: len(asyncio.all_tasks()) <= before)
    await run_until(lambda: _nobody_connected(service_database))


async def _all_out(database: ServiceDatabase) -> bool:
    return not await database.fetch("select 1 from payment.outbox where published_at is null")


async def _nobody_connected(database: ServiceDatabase) -> bool:
    rows = await database.fetch(
        "select 1 from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()", database.name
    )
    return not rows
