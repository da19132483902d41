"""What the tests of this service share: its schema in a fresh database, and a post room over it.

Files beside this one are imported as ``notification_tests.make``: the name is this service's own, since others have
such files as well.
"""

import sys
from pathlib import Path
from types import ModuleType

import pytest
from notification_service.migrate import MIGRATIONS
from service_kit.testing.databases import ServiceDatabase, ServiceMigration

_package = ModuleType("notification_tests")
_package.__path__ = [str(Path(__file__).parent)]
sys.modules.setdefault(_package.__name__, _package)

from notification_tests.fakes import FakeMailDoor  # noqa: E402 - the package is made above
from notification_tests.post_room import PostRoom  # noqa: E402 - the package is made above


@pytest.fixture(scope="session")
def migrate_services() -> list[ServiceMigration]:
    return [ServiceMigration(schema="notification", script_location=MIGRATIONS)]


@pytest.fixture
def post_room(service_database: ServiceDatabase) -> PostRoom:
    """With a mail door in memory that takes everything."""
    return PostRoom(database=service_database, door=FakeMailDoor())
