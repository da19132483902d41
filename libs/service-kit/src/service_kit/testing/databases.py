"""A fresh database for each test, cloned from a template that was migrated once, with the roles of production."""

import secrets
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from uuid import UUID

import asyncpg
from sqlalchemy.engine import make_url

from service_kit.clock import SystemClock
from service_kit.database import Database, create_database
from service_kit.migrating import migrate
from service_kit.provision import KINDS, connect, database_url, provision, quoted, role_name

PREFIX = "ict_"
_LEFTOVER_MINUTES = 24 * 60


@dataclass(frozen=True)
class ServiceMigration:
    """One schema and the directory of its migrations."""

    schema: str
    script_location: Path


@dataclass
class ServiceDatabase:
    """One test's database. Roles belong to the whole test session, so addresses come from here, not from a name."""

    name: str
    roles_of: str
    admin_url: str
    _opened: dict[tuple[str, str], Database] = field(default_factory=dict)

    def url(self, schema: str, kind: str = "app") -> str:
        """``kind`` is ``app``, ``worker`` or ``owner``."""
        return database_url(
            admin_url=self.admin_url, instance=self.roles_of, schema=schema, kind=kind, database=self.name
        )

    def open(self, schema: str, kind: str = "app", *, pool_size: int = 8) -> Database:
        """A pool of that role, made once per test and disposed of at its end."""
        key = (schema, kind)
        if key not in self._opened:
            self._opened[key] = create_database(
                url=self.url(schema, kind), application_name=f"test-{schema}-{kind}", pool_size=pool_size
            )
        return self._opened[key]

    def role(self, schema: str, kind: str) -> str:
        return role_name(self.roles_of, schema, kind)

    async def fetch(self, statement: str, *arguments: Any) -> list[asyncpg.Record]:
        """Read or change anything as administrator, past row security. Name tables with their schema."""
        connection = await connect(str(make_url(self.admin_url).set(database=self.name).render_as_string(False)))
        try:
            return list(await connection.fetch(statement, *arguments))
        finally:
            await connection.close()

    async def advance_clock(self, schema: str, *, seconds: float) -> None:
        """Move the schema's ``app_now()`` on."""
        await self.fetch(
            f"update {quoted(schema)}.app_clock set offset_interval = offset_interval + $1 * interval '1 s'",  # noqa: S608 - a quoted name
            float(seconds),
        )

    async def make_due(self, schema: str, *, event_id: UUID | None = None) -> None:
        """Every waiting row of the inbox (or that one) may be claimed at once."""
        await self.fetch(
            f"update {quoted(schema)}.inbox set next_at = {quoted(schema)}.app_now() "  # noqa: S608 - a quoted name
            "where state = 'ready' and ($1::uuid is null or event_id = $1)",
            event_id,
        )

    async def close(self) -> None:
        for database in self._opened.values():
            await database.dispose()
        self._opened.clear()


@dataclass
class DatabaseTemplates:
    """The session's templates, one per set of migrations, and its roles; all gone after `drop_all`."""

    admin_url: str
    session: str = field(default_factory=lambda: new_session_name())
    _templates: dict[tuple[ServiceMigration, ...], str] = field(default_factory=dict)
    _provisioned: set[str] = field(default_factory=set)
    _clones: int = 0

    async def clone(self, migrations: Sequence[ServiceMigration]) -> ServiceDatabase:
        template = await self._template(migrations)
        self._clones += 1
        name = f"{self.session}_{self._clones}"
        await self._as_admin(f"create database {quoted(name)} template {quoted(template)}")
        # A clone has the template's objects but not its database-level privileges.
        await self._as_admin(f"revoke all on database {quoted(name)} from public")
        for schema in (migration.schema for migration in migrations):
            roles = ", ".join(quoted(role_name(self.session, schema, kind)) for kind in KINDS)
            await self._as_admin(f"grant connect on database {quoted(name)} to {roles}")
        return ServiceDatabase(name=name, roles_of=self.session, admin_url=self.admin_url)

    async def drop(self, database: ServiceDatabase) -> None:
        await database.close()
        await self._as_admin(f"drop database if exists {quoted(database.name)} with (force)")

    async def drop_all(self) -> None:
        for template in self._templates.values():
            await self._as_admin(f"drop database if exists {quoted(template)} with (force)")
        for schema in self._provisioned:
            for kind in KINDS:
                await self._as_admin(f"drop role if exists {quoted(role_name(self.session, schema, kind))}")

    async def _template(self, migrations: Sequence[ServiceMigration]) -> str:
        # Two suites may migrate one schema in different ways; the schema's name alone would mix them up.
        key = tuple(migrations)
        if key not in self._templates:
            schemas = [migration.schema for migration in migrations]
            name = f"{self.session}_t{len(self._templates)}"
            await provision(admin_url=self.admin_url, instance=self.session, schemas=schemas, database=name)
            self._templates[key] = name
            self._provisioned.update(schemas)
            for migration in migrations:
                owner_url = database_url(
                    admin_url=self.admin_url,
                    instance=self.session,
                    schema=migration.schema,
                    kind="owner",
                    database=name,
                )
                await migrate(script_location=migration.script_location, owner_url=owner_url, instance=self.session)
        return self._templates[key]

    async def _as_admin(self, statement: str) -> None:
        connection = await connect(self.admin_url)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def new_session_name() -> str:
    """Unique, and it tells its age, so that what a killed run left behind can be recognised."""
    minutes = int(SystemClock().now().timestamp()) // 60
    return f"{PREFIX}{minutes:x}{secrets.token_hex(3)}"


async def drop_leftovers(admin_url: str) -> None:
    """Databases and roles of test runs that ended badly more than a day ago."""
    oldest = int(SystemClock().now().timestamp()) // 60 - _LEFTOVER_MINUTES
    connection = await connect(admin_url)
    try:
        for row in await connection.fetch("select datname from pg_database where datname like 'ict\\_%'"):
            if _made_at(row["datname"]) < oldest:
                await connection.execute(f"drop database if exists {quoted(row['datname'])} with (force)")
        for row in await connection.fetch("select rolname from pg_roles where rolname like 'ict\\_%'"):
            if _made_at(row["rolname"]) < oldest:
                await connection.execute(f"drop role if exists {quoted(row['rolname'])}")
    finally:
        await connection.close()


def _made_at(name: str) -> int:
    """Minutes since 1970, or the far future for a name that is not ours."""
    try:
        return int(name.removeprefix(PREFIX).split("_")[0][:-6], 16)
    except ValueError:
        return 1 << 40
