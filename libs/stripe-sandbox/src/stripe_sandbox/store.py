"""The sandbox's state: JSON objects in a few SQLite tables, every change inside one transaction.

There is one connection and one event loop, and no handler awaits inside a transaction, so what one request does is
seen by the next either whole or not at all; with a file, that also holds across a kill.
"""

import json
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

SCHEMA = """
CREATE TABLE IF NOT EXISTS objects (
  seq INTEGER PRIMARY KEY AUTOINCREMENT, id TEXT NOT NULL UNIQUE, account TEXT NOT NULL, kind TEXT NOT NULL,
  created INTEGER NOT NULL, body TEXT NOT NULL, private TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS objects_by_kind ON objects (account, kind, seq);
CREATE INDEX IF NOT EXISTS objects_by_link ON objects (json_extract(body, '$.payment_link'), kind);
CREATE INDEX IF NOT EXISTS objects_by_intent ON objects (json_extract(body, '$.payment_intent'), kind);
CREATE TABLE IF NOT EXISTS idempotency (
  account TEXT NOT NULL, key TEXT NOT NULL, fingerprint TEXT NOT NULL, status INTEGER NOT NULL, body TEXT NOT NULL,
  request_id TEXT NOT NULL, created REAL NOT NULL, PRIMARY KEY (account, key));
CREATE TABLE IF NOT EXISTS timers (
  id INTEGER PRIMARY KEY AUTOINCREMENT, due REAL NOT NULL, action TEXT NOT NULL, object_id TEXT NOT NULL);
CREATE INDEX IF NOT EXISTS timers_by_due ON timers (due);
CREATE TABLE IF NOT EXISTS deliveries (
  id INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL, endpoint_id TEXT NOT NULL, state TEXT NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0, due REAL NOT NULL, forged INTEGER NOT NULL DEFAULT 0);
CREATE INDEX IF NOT EXISTS deliveries_by_due ON deliveries (state, due);
CREATE INDEX IF NOT EXISTS deliveries_by_event ON deliveries (event_id);
CREATE TABLE IF NOT EXISTS attempts (
  id INTEGER PRIMARY KEY AUTOINCREMENT, delivery_id INTEGER NOT NULL, at REAL NOT NULL, status INTEGER, error TEXT);
CREATE TABLE IF NOT EXISTS keys (
  key TEXT PRIMARY KEY, account TEXT NOT NULL, permissions TEXT, expired INTEGER NOT NULL);
CREATE TABLE IF NOT EXISTS facts (name TEXT PRIMARY KEY, value TEXT NOT NULL);
"""


@dataclass
class Record:
    """`body` is what Stripe shows; `private` is what the sandbox must remember beside it."""

    kind: str
    account: str
    body: Json
    private: Json

    @property
    def id(self) -> str:
        return str(self.body["id"])


class Store:
    def __init__(self, *, database: str | None) -> None:
        self._connection = sqlite3.connect(database or ":memory:", isolation_level=None, check_same_thread=False)
        self._connection.row_factory = sqlite3.Row
        if database:
            self._connection.execute("PRAGMA journal_mode=WAL")
        self._connection.executescript(SCHEMA)

    def close(self) -> None:
        self._connection.close()

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """All or nothing. Not to be nested, and not to be held over an await."""
        self._connection.execute("BEGIN IMMEDIATE")
        try:
            yield
        except BaseException:
            self._connection.execute("ROLLBACK")
            raise
        self._connection.execute("COMMIT")

    def run(self, sql: str, *values: Any) -> list[sqlite3.Row]:
        return self._connection.execute(sql, values).fetchall()

    def add(self, *, kind: str, account: str, body: Json, private: Json | None = None, created: int) -> Record:
        self.run(
            "INSERT INTO objects (id, account, kind, created, body, private) VALUES (?, ?, ?, ?, ?, ?)",
            body["id"],
            account,
            kind,
            created,
            json.dumps(body),
            json.dumps(private or {}),
        )
        return Record(kind, account, body, private or {})

    def save(self, record: Record) -> None:
        self.run(
            "UPDATE objects SET body = ?, private = ? WHERE id = ?",
            json.dumps(record.body),
            json.dumps(record.private),
            record.id,
        )

    def remove(self, record: Record) -> None:
        self.run("DELETE FROM objects WHERE id = ?", record.id)

    def find(self, object_id: str, *, account: str | None = None, kind: str | None = None) -> Record | None:
        """Another account's object is not found, as at Stripe."""
        rows = self.run("SELECT kind, account, body, private FROM objects WHERE id = ?", object_id)
        if not rows or (account and rows[0]["account"] != account) or (kind and rows[0]["kind"] != kind):
            return None
        return _record(rows[0])

    def select(
        self, *, kind: str, account: str | None = None, where: str = "1", values: tuple[Any, ...] = (), tail: str = ""
    ) -> list[Record]:
        """Newest first. `where` and `tail` are fragments of ours, never of a caller's."""
        owner, owned = ("account = ?", (account,)) if account else ("1", ())
        sql = f"SELECT kind, account, body, private FROM objects WHERE kind = ? AND {owner} AND {where}"  # noqa: S608
        return [_record(row) for row in self.run(f"{sql} {tail or 'ORDER BY seq DESC'}", kind, *owned, *values)]

    def position(self, object_id: str) -> int | None:
        rows = self.run("SELECT seq FROM objects WHERE id = ?", object_id)
        return int(rows[0]["seq"]) if rows else None

    def set_fact(self, name: str, value: str) -> None:
        self.run("INSERT INTO facts VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET value = excluded.value", name, value)

    def fact(self, name: str) -> str | None:
        rows = self.run("SELECT value FROM facts WHERE name = ?", name)
        return str(rows[0]["value"]) if rows else None


def _record(row: sqlite3.Row) -> Record:
    return Record(row["kind"], row["account"], json.loads(row["body"]), json.loads(row["private"]))
