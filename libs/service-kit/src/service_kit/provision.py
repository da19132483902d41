"""Database, roles and schemas of one instance, made by an administrator; running it again changes nothing.

Each schema has an owner role (migrations), an app role (row security applies) and a worker role (all of outbox and
inbox). None is a superuser, none reaches another schema, and PUBLIC has nothing.
"""

import base64
import hashlib
import hmac
import secrets
from collections.abc import Mapping, Sequence

import asyncpg
from sqlalchemy.engine import URL, make_url

SCHEMAS = ("invoice", "payment", "notification")
KINDS = ("owner", "app", "worker")
TURNS_LOCK_KEY = 4240
"""Held by whoever makes or removes roles: they belong to the whole server, and two at once upset each other."""
_SCRAM_ROUNDS = 4096

_ROLE_SETTINGS: Mapping[str, Mapping[str, str]] = {
    "owner": {"lock_timeout": "10s"},
    "app": {"statement_timeout": "15s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "30s"},
    "worker": {"statement_timeout": "15s", "lock_timeout": "5s", "idle_in_transaction_session_timeout": "30s"},
}
# A worker's lease dies with its session, so a machine that vanished has to be noticed within half a minute.
_KEEPALIVES = {
    "tcp_keepalives_idle": "10",
    "tcp_keepalives_interval": "5",
    "tcp_keepalives_count": "3",
    "tcp_user_timeout": "30000",
}


def role_name(instance: str, schema: str, kind: str) -> str:
    """``kind`` is ``owner``, ``app`` or ``worker``."""
    return f"{instance}_{schema}_{kind}"


def database_url(
    *, admin_url: str, instance: str, schema: str, kind: str, password: str = "", database: str | None = None
) -> str:
    """The address of the instance's database on the administrator's server for one of its roles."""
    url = make_url(admin_url).set(
        drivername="postgresql+asyncpg",
        username=role_name(instance, schema, kind),
        database=database or instance,
    )
    return _text(URL.create(**{**url._asdict(), "password": password or None}))


async def provision(
    *,
    admin_url: str,
    instance: str,
    passwords: Mapping[str, str] | None = None,
    schemas: Sequence[str] = SCHEMAS,
    database: str | None = None,
) -> None:
    """Make what is missing. ``passwords`` is keyed ``{schema}_{kind}``; without one a role has no password.

    ``admin_url`` is a superuser's. ``database`` differs from ``instance`` only in tests.
    """
    name = database or instance
    admin = await connect(admin_url)
    try:
        await admin.execute("select pg_advisory_lock($1)", TURNS_LOCK_KEY)
        for schema in schemas:
            for kind in KINDS:
                password = (passwords or {}).get(f"{schema}_{kind}", "")
                await _make_role(
                    admin, role=role_name(instance, schema, kind), schema=schema, kind=kind, password=password
                )
        if not await admin.fetchval("select 1 from pg_database where datname = $1", name):
            await admin.execute(f"create database {quoted(name)}")
        await _close_database(admin, name=name, instance=instance, schemas=schemas)
        inside = await connect(_text(make_url(admin_url).set(database=name)))
        try:
            for schema in schemas:
                await _make_schema(inside, instance=instance, schema=schema)
        finally:
            await inside.close()
    finally:
        await admin.close()


async def connect(url: str) -> "asyncpg.Connection[asyncpg.Record]":
    """A plain asyncpg connection for a SQLAlchemy URL, socket directories (``?host=/dir``) included."""
    parts = make_url(url)
    host = parts.query.get("host", parts.host)
    port = parts.query.get("port", parts.port)
    return await asyncpg.connect(
        host=host if isinstance(host, str) else None,
        port=int(port) if isinstance(port, str | int) else None,
        user=parts.username,
        password=parts.password,
        database=parts.database,
        timeout=10,
    )


def quoted(identifier: str) -> str:
    return '"' + identifier.replace('"', '""') + '"'


async def _make_role(
    admin: "asyncpg.Connection[asyncpg.Record]", *, role: str, schema: str, kind: str, password: str
) -> None:
    if not await admin.fetchval("select 1 from pg_roles where rolname = $1", role):
        await admin.execute(f"create role {quoted(role)}")
    await admin.execute(
        f"alter role {quoted(role)} login nosuperuser nobypassrls nocreatedb nocreaterole noreplication noinherit"
    )
    if password:
        await admin.execute(f"alter role {quoted(role)} password '{_scram_verifier(password)}'")
    settings = {"search_path": quoted(schema), **_ROLE_SETTINGS[kind], **(_KEEPALIVES if kind == "worker" else {})}
    for setting, value in settings.items():
        await admin.execute(f"alter role {quoted(role)} set {setting} = {_literal(setting, value)}")


async def _close_database(
    admin: "asyncpg.Connection[asyncpg.Record]", *, name: str, instance: str, schemas: Sequence[str]
) -> None:
    await admin.execute(f"revoke all on database {quoted(name)} from public")
    for schema in schemas:
        for kind in KINDS:
            await admin.execute(
                f"grant connect on database {quoted(name)} to {quoted(role_name(instance, schema, kind))}"
            )


async def _make_schema(inside: "asyncpg.Connection[asyncpg.Record]", *, instance: str, schema: str) -> None:
    owner = quoted(role_name(instance, schema, "owner"))
    await inside.execute("revoke all on schema public from public")
    await inside.execute(f"create schema if not exists {quoted(schema)} authorization {owner}")
    await inside.execute(f"revoke all on schema {quoted(schema)} from public")
    for kind in ("app", "worker"):
        await inside.execute(f"grant usage on schema {quoted(schema)} to {quoted(role_name(instance, schema, kind))}")


def _literal(setting: str, value: str) -> str:
    return value if setting == "search_path" else f"'{value}'"


def _scram_verifier(password: str) -> str:
    """RFC 5803: the server is given a verifier, so the password itself is in no statement that could be logged."""
    salt = secrets.token_bytes(16)
    salted = hashlib.pbkdf2_hmac("sha256", password.encode(), salt, _SCRAM_ROUNDS)
    client = hashlib.sha256(hmac.digest(salted, b"Client Key", "sha256")).digest()
    server = hmac.digest(salted, b"Server Key", "sha256")
    parts = [base64.b64encode(part).decode() for part in (salt, client, server)]
    return f"SCRAM-SHA-256${_SCRAM_ROUNDS}:{parts[0]}${parts[1]}:{parts[2]}"


def _text(url: URL) -> str:
    return url.render_as_string(hide_password=False)
