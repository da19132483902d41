"""The kit is tested as payment-service: the schema ``payment`` with the kit's tables and two of its own.

Files beside this one are imported as ``kit_tests.rows``.
"""

import sys
from collections.abc import Callable
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest
from contracts.catalogue import Service
from service_kit.handlers import Handlers
from service_kit.testing.brokers import KitBroker
from service_kit.testing.databases import ServiceDatabase, ServiceMigration
from service_kit.worker_process import WorkerConfig

_package = ModuleType("kit_tests")
_package.__path__ = [str(Path(__file__).parent)]
sys.modules.setdefault(_package.__name__, _package)

from kit_tests.inbox_kit import Kit  # noqa: E402 - the package is made above
from kit_tests.rows import Inbox, Outbox  # noqa: E402 - the package is made above


@pytest.fixture(scope="session")
def migrate_services() -> list[ServiceMigration]:
    return [ServiceMigration(schema="payment", script_location=Path(__file__).parent / "payment_migrations")]


@pytest.fixture
def worker_config(service_database: ServiceDatabase, broker: KitBroker) -> Callable[..., WorkerConfig]:
    """``worker_config(handlers, **changes)``"""

    def make(handlers: Handlers | None = None, **changes: Any) -> WorkerConfig:
        settings: dict[str, Any] = {
            "service": Service.PAYMENT,
            "instance": broker.instance,
            "broker_url": broker.url,
            "database": service_database.open("payment"),
            "worker_database": service_database.open("payment", "worker"),
            "outbox": Outbox,
            "inbox": Inbox,
            "handlers": handlers or {},
            "advisory_class_id": 4242,
            **changes,
        }
        return WorkerConfig(**settings)

    return make


@pytest.fixture
def kit(service_database: ServiceDatabase) -> Kit:
    return Kit(service_database, service_database.open("payment"), service_database.open("payment", "worker"))
