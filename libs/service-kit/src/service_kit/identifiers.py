"""New identifiers: UUIDv7, so that they sort by the time they were made and indexes grow at one end."""

import os
from uuid import UUID

import uuid_utils
from uuid_utils.compat import uuid7

# A forked child would otherwise continue its parent's random stream and make the parent's next ids again.
os.register_at_fork(after_in_child=uuid_utils.reseed_rng)


def new_id() -> UUID:
    """Monotonic within a process, unique across processes."""
    return uuid7()
