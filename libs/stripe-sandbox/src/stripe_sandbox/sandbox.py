"""One running sandbox: its settings, clock, state, faults and log, handed to every handler and never global."""

import asyncio
import json
from collections import deque
from dataclasses import dataclass
from typing import Any

from stripe_sandbox.clock import SandboxClock
from stripe_sandbox.faults import Faults
from stripe_sandbox.refusals import account_refused, key_expired, key_live, key_missing, key_unknown
from stripe_sandbox.settings import KeySpec, Settings, is_live
from stripe_sandbox.store import Record, Store
from stripe_sandbox.subset import Subset

Json = dict[str, Any]
LOG_ENTRIES_MAX = 10_000


@dataclass(frozen=True, kw_only=True)
class Principal:
    """Who a request acts for. `permissions` is None for a key that may do everything."""

    key: str
    account: str
    permissions: frozenset[str] | None


@dataclass(frozen=True, kw_only=True)
class Cause:
    """The API request behind an event; both are None when a payer or the clock was behind it."""

    request_id: str | None = None
    idempotency_key: str | None = None


@dataclass(frozen=True, kw_only=True)
class Call:
    """One validated API request, as a handler sees it."""

    account: str
    params: Json
    path: dict[str, str]
    cause: Cause


class Sandbox:
    def __init__(self, settings: Settings) -> None:
        self.settings = settings
        self.subset = Subset.load()
        self.store = Store(database=settings.database)
        self.clock = SandboxClock(offset_seconds=float(self.store.fact("clock_offset_seconds") or 0))
        self.faults = Faults()
        self.log: deque[Json] = deque(maxlen=LOG_ENTRIES_MAX)
        self.keys_in_flight: set[tuple[str, str]] = set()
        self.deliveries_changed = asyncio.Event()
        with self.store.transaction():
            self._register()

    def _register(self) -> None:
        for spec in self.settings.named_accounts().values():
            if self.store.find(spec.id) is None:
                self.add_account(account=spec.id, name=spec.name, country=spec.country, currency=spec.default_currency)
        for key in self.settings.keys:
            self.add_key(key)

    def second(self) -> int:
        return int(self.clock.now())

    def add_account(self, *, account: str, name: str, country: str, currency: str) -> Record:
        body = {
            "id": account,
            "object": "account",
            "business_profile": {"name": name},
            "charges_enabled": True,
            "country": country,
            "created": self.second(),
            "default_currency": currency,
            "details_submitted": True,
            "email": f"owner@{account[5:].lower()}.example",
            "metadata": {},
            "payouts_enabled": True,
            "settings": {"dashboard": {"display_name": name, "timezone": "Etc/UTC"}},
            "type": "standard",
        }
        completed = self.complete("account", body)
        return self.store.add(kind="account", account=account, body=completed, created=self.second())

    def add_key(self, spec: KeySpec) -> None:
        """Safe to repeat: the latest word about a key is the one that counts."""
        permissions = None if spec.permissions is None else json.dumps(sorted(spec.permissions))
        self.store.run(
            "INSERT INTO keys VALUES (?, ?, ?, ?) ON CONFLICT (key) DO UPDATE SET "
            "account = excluded.account, permissions = excluded.permissions, expired = excluded.expired",
            spec.key,
            spec.account,
            permissions,
            int(spec.expired),
        )

    def principal(self, *, key: str | None, on_account: str | None) -> Principal:
        """Raise the 401 or 403 Stripe would answer. `on_account` is the `Stripe-Account` header."""
        if not key:
            raise key_missing()
        if is_live(key):
            raise key_live()
        rows = self.store.run("SELECT account, permissions, expired FROM keys WHERE key = ?", key)
        if not rows:
            raise key_unknown(key)
        if rows[0]["expired"]:
            raise key_expired(key)
        account = on_account or rows[0]["account"]
        if self.store.find(account, kind="account") is None:
            raise account_refused(key, account)
        granted = rows[0]["permissions"]
        permissions = None if granted is None else frozenset(json.loads(granted))
        return Principal(key=key, account=account, permissions=permissions)

    def complete(self, name: str, body: Json) -> Json:
        """Every declared field present and the whole valid, or `ShapeProblem`."""
        completed = self.subset.complete(name, body)
        self.subset.expect(name, completed)
        return completed

    def add(self, name: str, body: Json, *, account: str, private: Json | None = None) -> Record:
        """A new object, dated now. `name` is both its kind and its schema."""
        dated = (
            {**body, "object": name, "created": self.second()} if name != "payment_link" else {**body, "object": name}
        )
        completed = self.complete(name, dated)
        return self.store.add(kind=name, account=account, body=completed, private=private, created=self.second())

    def change(self, record: Record, **fields: Any) -> Json:
        """Set fields and store; the answer is what they were before, for `previous_attributes`."""
        before = {name: record.body.get(name) for name, value in fields.items() if record.body.get(name) != value}
        record.body = self.complete(record.kind, {**record.body, **fields})
        self.store.save(record)
        return before

    def start_timer(self, *, due: float, action: str, object_id: str) -> None:
        self.store.run("INSERT INTO timers (due, action, object_id) VALUES (?, ?, ?)", due, action, object_id)
