"""One life of the whole product: all listeners and workers of the three services in one process that may be killed.

It is forked from a server that has imported everything, so a life costs a fraction of a second. It does nothing of its
own: the services run exactly as their own programs start them, with settings instead of an environment.
"""

import asyncio
import os
import signal
from collections import Counter
from collections.abc import Coroutine, Mapping
from multiprocessing.connection import Connection
from typing import Any

import invoice_service.app
import invoice_service.settings
import invoice_service.worker
import notification_service.app
import notification_service.settings
import notification_service.worker
import payment_service.app
import payment_service.settings
import payment_service.worker
from service_kit import crash_points
from service_kit.log_setup import configure_logging

Environments = Mapping[str, Mapping[str, str]]


class Executioner:
    """Kills its own process when an armed boundary is reached for the n-th time since the arming."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()
        self._boundary = ""
        self._occurrence = 0

    def arm(self, boundary: str, occurrence: int) -> None:
        self.counts.clear()
        self._boundary, self._occurrence = boundary, occurrence

    def observe(self, boundary: str) -> None:
        self.counts[boundary] += 1
        if boundary == self._boundary and self.counts[boundary] == self._occurrence:
            os.kill(os.getpid(), signal.SIGKILL)


def live(environments: Environments, orders: Connection, log: str) -> None:
    """Run until killed. ``orders`` takes ``("arm", boundary, occurrence)`` and ``("counts",)``, each answered."""
    descriptor = os.open(log, os.O_CREAT | os.O_APPEND | os.O_WRONLY, 0o644)
    os.dup2(descriptor, 1)
    os.dup2(descriptor, 2)
    configure_logging(service="life", log_format="json", level="WARNING")
    executioner = Executioner()
    crash_points.install(executioner.observe)
    asyncio.run(_live(environments, orders, executioner))


async def _live(environments: Environments, orders: Connection, executioner: Executioner) -> None:
    stop = asyncio.Event()
    asyncio.get_running_loop().add_reader(orders.fileno(), _obey, orders, executioner)
    await asyncio.gather(*programs(environments, stop=stop))


def programs(environments: Environments, *, stop: asyncio.Event) -> list[Coroutine[Any, Any, None]]:
    invoice = invoice_service.settings.Settings(**_fields(environments["invoice"]))
    payment = payment_service.settings.Settings(**_fields(environments["payment"]))
    notification = notification_service.settings.Settings(**_fields(environments["notification"]))
    return [
        invoice_service.app.run(invoice, stop=stop),
        invoice_service.worker.run(invoice, stop=stop),
        payment_service.app.run(payment, stop=stop),
        payment_service.worker.run(payment, stop=stop),
        notification_service.app.run(notification, stop=stop),
        notification_service.worker.run(notification, stop=stop),
    ]


def _obey(orders: Connection, executioner: Executioner) -> None:
    order = orders.recv()
    if order[0] == "arm":
        executioner.arm(order[1], order[2])
    orders.send(dict(executioner.counts))


def _fields(environment: Mapping[str, str]) -> dict[str, Any]:
    return {name.removeprefix("IC_").lower(): value for name, value in environment.items()}
