"""`python -m deploy.demo`: the whole product on this machine, a journey through it, and the addresses to look around.

It ends everything it started, whether it is interrupted, terminated or done.
"""

import argparse
import asyncio
import contextlib
import signal
import sys
from collections.abc import Mapping

import httpx

from deploy.demo.bootstrap import first_organization
from deploy.demo.compose import composed
from deploy.demo.failures import CannotRun, NotAsItShouldBe
from deploy.demo.instance import Instance
from deploy.demo.journey import Addresses, play
from deploy.demo.processes import Processes
from deploy.demo.product import LOGS, running_product
from deploy.demo.progress import Progress

INTERRUPTED = 130


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m deploy.demo", description=__doc__)
    parser.add_argument("--once", action="store_true", help="end after the journey; status 0 only if all was right")
    parser.add_argument("--against-compose", action="store_true", help="play against what `make up` started, and end")
    parser.add_argument("--keep", action="store_true", help="leave the demo's database and queues for a look")
    options = parser.parse_args()
    progress = Progress()
    try:
        if options.against_compose:
            asyncio.run(_play_against_compose(progress))
        else:
            asyncio.run(_run(progress, once=options.once, keep=options.keep))
    except httpx.HTTPError as problem:
        progress.failure(f"no answer from a part that answered before: {type(problem).__name__} {problem}")
        return 1
    except (CannotRun, NotAsItShouldBe) as problem:
        progress.failure(str(problem))
        return 1
    except asyncio.CancelledError:
        progress.failure("interrupted")
        return INTERRUPTED
    return 0


async def _run(progress: Progress, *, once: bool, keep: bool) -> None:
    task = asyncio.current_task()
    assert task is not None
    interruption = Interruption(task)
    async with running_product(progress=progress, keep=keep) as (instance, processes):
        made = await first_organization(instance, processes)
        addresses = Addresses(
            api=instance.api_url,
            inbox=instance.inbox_url,
            sandbox=instance.sandbox_url,
            api_key=made.api_key,
            owner=made.owner,
            stripe_key=instance.secrets.stripe_key,
        )
        try:
            pages = await play(addresses, progress=progress)
        except NotAsItShouldBe as problem:
            raise NotAsItShouldBe(f"{problem}\nLogs: {processes.logs}") from problem
        if not once:
            _show(addresses, pages, instance, processes, progress)
            await _stay(interruption, processes)
    progress.step("ended everything that was started")


async def _play_against_compose(progress: Progress) -> None:
    addresses = await composed(Processes(logs=LOGS))
    await play(addresses, progress=progress)
    progress.note("mail inbox", addresses.inbox)
    progress.note("invoice API", f"{addresses.api}  ({addresses.api}/openapi.json describes it)")
    progress.note("API key", addresses.api_key)
    _show_owner(addresses, progress)


class Interruption:
    """The first signal ends what is going on, in order; later ones change nothing."""

    def __init__(self, task: "asyncio.Task[None]") -> None:
        self._task = task
        self._requested = asyncio.Event()
        self._awaited = False
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            asyncio.get_running_loop().add_signal_handler(number, self._request)

    async def wait(self, *, seconds: float) -> bool:
        """True once a signal has come. While this waits, a signal does not cancel the task."""
        self._awaited = True
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(self._requested.wait(), timeout=seconds)
        return self._requested.is_set()

    def _request(self) -> None:
        if not self._requested.is_set():
            self._requested.set()
            if not self._awaited:
                self._task.cancel()


async def _stay(interruption: Interruption, processes: Processes) -> None:
    """Until a signal comes. Raises `CannotRun` when a process ends by itself."""
    while not await interruption.wait(seconds=0.5):
        for fallen in processes.fallen():
            raise CannotRun(f"{fallen.name} ended by itself:\n{fallen.tail()}")


def _show(
    addresses: Addresses, pages: Mapping[str, str], instance: Instance, processes: Processes, progress: Progress
) -> None:
    progress.heading("Both invoices are paid. Look around; Ctrl-C ends everything.")
    progress.note("mail inbox", addresses.inbox)
    progress.note("Stripe sandbox", f"{addresses.sandbox}  (no money moves)")
    progress.note("invoice API", f"{addresses.api}  ({addresses.api}/openapi.json describes it)")
    progress.note("API key", addresses.api_key)
    _show_owner(addresses, progress)
    progress.note("Stripe test key", addresses.stripe_key)
    for number, page in pages.items():
        progress.note(f"page {number}", page)
    progress.note("database", instance.psql)
    progress.note("instance", f"{instance.name} (database, queues)")
    progress.note("logs", str(processes.logs))
    progress.heading("Try:")
    progress.note("", f"curl -H 'Authorization: Bearer {addresses.api_key}' {addresses.api}/v1/invoices")


def _show_owner(addresses: Addresses, progress: Progress) -> None:
    progress.note("sign in", f"{addresses.api}/sign-in")
    progress.note("as the owner", f"{addresses.owner.email}  password {addresses.owner.password}")


if __name__ == "__main__":
    sys.exit(main())
