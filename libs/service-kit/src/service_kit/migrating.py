"""What every schema's migrations share: how they run, and the tables and walls that the kit relies on.

A run takes an advisory lock and commits migration by migration, so two deploys at once do the work once and a failure
leaves whole migrations behind. Every function here is called from a migration with its ``op``.
"""

import asyncio
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from alembic import command, context
from alembic.config import Config
from alembic.operations import Operations
from alembic.script import ScriptDirectory
from sqlalchemy.engine import Connection
from sqlalchemy.ext.asyncio import create_async_engine
from sqlalchemy.pool import NullPool

from service_kit.kit_tables import app_clock_sql, idempotency_keys_sql, inbox_sql, outbox_sql
from service_kit.provision import quoted, role_name

KIT_TABLES = frozenset({"outbox", "inbox", "idempotency_keys", "app_clock", "alembic_version"})
_LOCK_CLASS = 4250
# Alembic keeps the running environment in a module, so one process migrates one schema at a time.
_one_at_a_time = threading.Lock()


@dataclass(frozen=True)
class Names:
    """What a migration needs to know of the instance it runs in."""

    instance: str
    schema: str

    @property
    def owner(self) -> str:
        return role_name(self.instance, self.schema, "owner")

    @property
    def app(self) -> str:
        return role_name(self.instance, self.schema, "app")

    @property
    def worker(self) -> str:
        return role_name(self.instance, self.schema, "worker")


def names(op: Operations | Any) -> Names:
    """The instance and schema of the running migration."""
    options = op.get_context().opts
    return Names(instance=options["service_instance"], schema=options["service_schema"])


async def migrate(*, script_location: Path, owner_url: str, instance: str, revision: str = "head") -> None:
    """Bring a schema to ``revision``. Safe to run from several places at once, and again."""
    await asyncio.to_thread(
        upgrade, script_location=script_location, owner_url=owner_url, instance=instance, revision=revision
    )


def upgrade(*, script_location: Path, owner_url: str, instance: str, revision: str = "head") -> None:
    """`migrate` for callers without an event loop."""
    with _one_at_a_time:
        command.upgrade(alembic_config(script_location, owner_url=owner_url, instance=instance), revision)


def alembic_config(script_location: Path, *, owner_url: str, instance: str) -> Config:
    config = Config()
    config.set_main_option("script_location", str(script_location).replace("%", "%%"))
    config.attributes.update(owner_url=owner_url, instance=instance)
    return config


def head_revision(script_location: Path) -> str:
    """The revision that a database must have for this code; for `service_kit.health.database_check`."""
    head = ScriptDirectory(str(script_location)).get_current_head()
    if head is None:
        raise ValueError(f"no migrations in {script_location}")
    return head


def run_migrations(*, metadata: sa.MetaData, schema: str) -> None:
    """The whole of a service's ``migrations/env.py``. Reads ``owner_url`` and ``instance`` from the configuration's
    attributes, or from ``-x owner_url=… -x instance=…`` when alembic is called by hand."""
    given = {**context.get_x_argument(as_dictionary=True), **context.config.attributes}
    asyncio.run(_run(url=given["owner_url"], instance=given["instance"], metadata=metadata, schema=schema))


async def _run(*, url: str, instance: str, metadata: sa.MetaData, schema: str) -> None:
    engine = create_async_engine(url, poolclass=NullPool, hide_parameters=True)
    try:
        async with engine.connect() as connection:
            await connection.run_sync(_in_connection, instance=instance, metadata=metadata, schema=schema)
    finally:
        await engine.dispose()


def _in_connection(connection: Connection, *, instance: str, metadata: sa.MetaData, schema: str) -> None:
    with connection.begin():
        connection.execute(sa.text("set lock_timeout = '120s'"))
        connection.execute(
            sa.text("select pg_advisory_lock(:class, hashtext(:schema))"), {"class": _LOCK_CLASS, "schema": schema}
        )
        connection.execute(sa.text("set lock_timeout = '10s'"))
    context.configure(
        connection=connection,
        target_metadata=metadata,
        version_table_schema=schema,
        include_schemas=True,
        include_name=lambda name, kind, _parents: name == schema if kind == "schema" else True,
        include_object=lambda _object, name, kind, _reflected, _other: kind != "table" or name not in KIT_TABLES,
        transaction_per_migration=True,
        service_schema=schema,
        service_instance=instance,
    )
    with context.begin_transaction():
        context.run_migrations()
    if sa.inspect(connection).has_table("alembic_version", schema=schema):
        connection.rollback()
        with connection.begin():
            known = Names(instance=instance, schema=schema)
            readers = f"{quoted(known.app)}, {quoted(known.worker)}"
            connection.execute(sa.text(f"grant select on {quoted(schema)}.alembic_version to {readers}"))


def app_role(op: Operations | Any) -> str:
    return names(op).app


def worker_role(op: Operations | Any) -> str:
    return names(op).worker


def create_app_clock(op: Operations | Any) -> None:
    """``app_now()``: Postgres' clock plus an offset that only the owner can write. Call it before everything else.

    It is STABLE, one moment per statement, so that an index on a due time can be used with it.
    """
    known = names(op)
    schema = quoted(known.schema)
    op.execute(app_clock_sql(schema))
    op.execute(f"insert into {schema}.app_clock default values")
    op.execute(
        f"""
        create function {schema}.app_now() returns timestamptz language sql stable parallel safe
        set search_path = {schema}, pg_temp
        as $$ select clock_timestamp() + (select offset_interval from app_clock) $$
        """  # noqa: S608 - names of our own, quoted
    )
    op.execute(f"grant select on {schema}.app_clock to {quoted(known.app)}, {quoted(known.worker)}")


def create_outbox(op: Operations | Any) -> None:
    """The table behind `service_kit.outbox`, with its walls and its wake-up. Needs `create_app_clock`."""
    known = names(op)
    schema = quoted(known.schema)
    op.execute(outbox_sql(schema))
    op.execute(f"create index outbox_pending on {schema}.outbox (id) where published_at is null")
    op.execute(f"create index outbox_head on {schema}.outbox (aggregate_id, id) where published_at is null")
    protect_table(op, "outbox", known.app, privileges="select, insert")
    _open_to_worker(op, "outbox", privileges="select, update, delete")
    notify_on_insert(op, "outbox")


def create_inbox(op: Operations | Any) -> None:
    """The table behind `service_kit.inbox`, with its walls and its wake-up. Needs `create_app_clock`."""
    known = names(op)
    schema = quoted(known.schema)
    op.execute(inbox_sql(schema))
    op.execute(f"create index inbox_ready on {schema}.inbox (next_at) where state = 'ready'")
    op.execute(f"create index inbox_leased on {schema}.inbox (worker_id) where state = 'leased'")
    op.execute(f"create index inbox_parked on {schema}.inbox (parked_at) where state = 'parked'")
    op.execute(f"alter table {schema}.inbox enable row level security")
    op.execute(f"alter table {schema}.inbox force row level security")
    # Tasks of the whole service have no organisation: they are seen when none is set, and may be enqueued at any time.
    op.execute(
        f"""
        create policy inbox_organization on {schema}.inbox to {quoted(known.app)}
        using (organization_id is not distinct from {_CURRENT_ORGANIZATION})
        with check (organization_id is null or organization_id = {_CURRENT_ORGANIZATION})
        """
    )
    _open_to_owner(op, "inbox")
    op.execute(f"grant select, insert, update on {schema}.inbox to {quoted(known.app)}")
    _open_to_worker(op, "inbox", privileges="select, insert, update, delete")
    notify_on_insert(op, "inbox")


def create_idempotency_keys(op: Operations | Any) -> None:
    """The table behind `service_kit.idempotency`. Needs `create_app_clock`."""
    known = names(op)
    schema = quoted(known.schema)
    op.execute(idempotency_keys_sql(schema))
    protect_table(op, "idempotency_keys", known.app, privileges="select, insert, update, delete")


_CURRENT_ORGANIZATION = "nullif(current_setting('app.organization_id', true), '')::uuid"


def protect_table(
    op: Operations | Any,
    table: str,
    app_role: str,
    *,
    organization_column: str = "organization_id",
    privileges: str = "select, insert, update",
) -> None:
    """Force row security: the app role sees and writes only the rows of the organisation set for the transaction.

    The owner keeps sight of every row, for migrations and for SECURITY DEFINER functions; no process runs as owner.
    """
    schema = quoted(names(op).schema)
    mine = f"{quoted(organization_column)} = {_CURRENT_ORGANIZATION}"
    op.execute(f"alter table {schema}.{quoted(table)} enable row level security")
    op.execute(f"alter table {schema}.{quoted(table)} force row level security")
    op.execute(
        f"create policy {quoted(table + '_organization')} on {schema}.{quoted(table)} to {quoted(app_role)} "
        f"using ({mine}) with check ({mine})"
    )
    _open_to_owner(op, table)
    op.execute(f"grant {privileges} on {schema}.{quoted(table)} to {quoted(app_role)}")


def grant_table(op: Operations | Any, table: str, role: str, *, privileges: str) -> None:
    """Plain privileges, for a table without organisation or for one more role."""
    op.execute(f"grant {privileges} on {quoted(names(op).schema)}.{quoted(table)} to {quoted(role)}")


def make_append_only(op: Operations | Any, table: str) -> None:
    """Refuse every UPDATE, DELETE and TRUNCATE of ``table``, whoever asks."""
    schema = quoted(names(op).schema)
    op.execute(
        f"""
        create or replace function {schema}.refuse_change() returns trigger language plpgsql
        as $$ begin raise exception 'rows of % never change', tg_table_name using errcode = 'restrict_violation'; end $$
        """
    )
    target = f"{schema}.{quoted(table)}"
    op.execute(
        f"create trigger {quoted(table + '_append_only')} before update or delete on {target} "
        f"for each row execute function {schema}.refuse_change()"
    )
    op.execute(
        f"create trigger {quoted(table + '_never_emptied')} before truncate on {target} "
        f"for each statement execute function {schema}.refuse_change()"
    )


def notify_on_insert(op: Operations | Any, table: str) -> None:
    """Wake listeners of channel ``{schema}_{table}`` once per committed transaction, without a payload.

    Channels are private to a database. ``alter role … set app.notify = 'off'`` silences it; polling goes on.
    """
    schema = quoted(names(op).schema)
    op.execute(
        f"""
        create or replace function {schema}.wake_listeners() returns trigger language plpgsql
        as $$ begin
            if coalesce(current_setting('app.notify', true), '') <> 'off' then
                perform pg_notify(tg_table_schema || '_' || tg_table_name, '');
            end if;
            return null;
        end $$
        """
    )
    op.execute(
        f"create trigger {quoted(table + '_wakes')} after insert on {schema}.{quoted(table)} "
        f"for each statement execute function {schema}.wake_listeners()"
    )


def _open_to_owner(op: Operations | Any, table: str) -> None:
    known = names(op)
    op.execute(
        f"create policy {quoted(table + '_owner')} on {quoted(known.schema)}.{quoted(table)} "
        f"to {quoted(known.owner)} using (true) with check (true)"
    )


def _open_to_worker(op: Operations | Any, table: str, *, privileges: str) -> None:
    known = names(op)
    op.execute(
        f"create policy {quoted(table + '_worker')} on {quoted(known.schema)}.{quoted(table)} "
        f"to {quoted(known.worker)} using (true) with check (true)"
    )
    op.execute(f"grant {privileges} on {quoted(known.schema)}.{quoted(table)} to {quoted(known.worker)}")
