"""Brings the schema `payment` to its newest form. Safe to repeat, also beside another run: one waits for the other."""

from pathlib import Path

from service_kit import migrating

MIGRATIONS = Path(__file__).resolve().parents[2] / "migrations"
"""Beside the package's source: in a checkout and in the image alike."""


async def migrate(owner_url: str, instance: str) -> None:
    """``owner_url`` is the role that owns the schema; grants go to the app and worker roles of ``instance``."""
    await migrating.migrate(script_location=MIGRATIONS, owner_url=owner_url, instance=instance)


def head_revision() -> str:
    """The revision that a database must have for this code."""
    return migrating.head_revision(MIGRATIONS)
