"""Brings the schema `invoice` to its newest form. Safe to run again, and beside another run: one waits for the other."""

from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import Connection, text
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from invoice_service.tables.schema import SCHEMA

ALEMBIC_INI = Path(__file__).resolve().parents[2] / "alembic.ini"
_LOCK_CLASS = 4240
_LOCK_KEY = 1


async def migrate(owner_url: str, instance: str) -> None:
    """``owner_url`` is the role that owns the schema; grants go to the app and worker roles of ``instance``."""
    engine = create_async_engine(owner_url, poolclass=NullPool)
    try:
        async with engine.connect() as connection:
            await connection.execute(text(f"select pg_advisory_lock({_LOCK_CLASS}, {_LOCK_KEY})"))
            await connection.commit()
            await connection.run_sync(_upgrade, instance)
    finally:
        await engine.dispose()


def _upgrade(connection: Connection, instance: str) -> None:
    config = Config(ALEMBIC_INI)
    config.attributes["connection"] = connection
    config.attributes["app_role"] = f"{instance}_{SCHEMA}_app"
    config.attributes["worker_role"] = f"{instance}_{SCHEMA}_worker"
    command.upgrade(config, "head")
