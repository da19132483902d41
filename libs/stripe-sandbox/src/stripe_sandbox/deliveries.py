"""Sends queued events to their endpoints, signed afresh for each try, and tries again on a fixed schedule.

A delivery is a row until a 2xx came or the schedule ran out, so a restart forgets none. Redirects are failures and
order is not promised, as at https://docs.stripe.com/webhooks.
"""

import asyncio
import hashlib
import hmac
import json
import logging
import sqlite3

import httpx

from stripe_sandbox.clock import wall_seconds
from stripe_sandbox.sandbox import Sandbox

CONCURRENT_MAX = 32
IDLE_SECONDS = 0.2
FORGED_SECRET = "whsec_forged_by_order_of_a_test"  # noqa: S105
log = logging.getLogger("stripe_sandbox.deliveries")


def signature_header(*, payload: bytes, secret: str, timestamp: int) -> str:
    """https://docs.stripe.com/webhooks#verify-manually: HMAC-SHA256 over `<timestamp>.<raw body>`."""
    signed = f"{timestamp}.".encode() + payload
    return f"t={timestamp},v1={hmac.new(secret.encode(), signed, hashlib.sha256).hexdigest()}"


async def deliver_forever(sandbox: Sandbox) -> None:
    """Runs until cancelled. A slow endpoint holds up nobody else: each delivery is a task of its own."""
    timeout = sandbox.settings.delivery_timeout_seconds
    under_way: set[int] = set()

    async def one(row: sqlite3.Row) -> None:
        try:
            await _try(sandbox, client, row)
        finally:
            under_way.discard(row["id"])
            sandbox.deliveries_changed.set()

    async with (
        httpx.AsyncClient(timeout=timeout, follow_redirects=False, trust_env=False) as client,
        asyncio.TaskGroup() as tasks,
    ):
        while True:
            sandbox.deliveries_changed.clear()
            for row in _due(sandbox):
                if row["id"] not in under_way and len(under_way) < CONCURRENT_MAX:
                    under_way.add(row["id"])
                    tasks.create_task(one(row))
            await _wait_for_work(sandbox)


def _due(sandbox: Sandbox) -> list[sqlite3.Row]:
    return sandbox.store.run(
        "SELECT id, event_id, endpoint_id, tries, forged FROM deliveries "
        "WHERE state = 'waiting' AND due <= ? ORDER BY due, id LIMIT ?",
        sandbox.clock.now(),
        2 * CONCURRENT_MAX,
    )


async def _wait_for_work(sandbox: Sandbox) -> None:
    try:
        await asyncio.wait_for(sandbox.deliveries_changed.wait(), IDLE_SECONDS)
    except TimeoutError:
        return


async def _try(sandbox: Sandbox, client: httpx.AsyncClient, row: sqlite3.Row) -> None:
    event = sandbox.store.find(row["event_id"])
    endpoint = sandbox.store.find(row["endpoint_id"])
    if event is None or endpoint is None or endpoint.body["status"] != "enabled":
        with sandbox.store.transaction():
            sandbox.store.run("UPDATE deliveries SET state = 'dropped' WHERE id = ?", row["id"])
        return
    version = endpoint.body["api_version"] or sandbox.subset.version
    payload = json.dumps({**event.body, "api_version": version}, indent=2).encode()
    secret = FORGED_SECRET if row["forged"] else endpoint.private["secret"]
    headers = {
        "Content-Type": "application/json; charset=utf-8",
        "Stripe-Signature": signature_header(payload=payload, secret=secret, timestamp=wall_seconds()),
        "User-Agent": "Stripe/1.0 (sandbox; not Stripe)",
    }
    status: int | None = None
    error: str | None = None
    try:
        status = (await client.post(endpoint.body["url"], content=payload, headers=headers)).status_code
    except (httpx.HTTPError, httpx.InvalidURL) as problem:
        error = type(problem).__name__
    _record(sandbox, row, status=status, error=error)


def _record(sandbox: Sandbox, row: sqlite3.Row, *, status: int | None, error: str | None) -> None:
    now = sandbox.clock.now()
    delivered = status is not None and 200 <= status < 300
    delays = sandbox.settings.retry_delays_seconds
    exhausted = row["tries"] >= len(delays)
    state = "delivered" if delivered else "failed" if exhausted else "waiting"
    due = now if delivered or exhausted else now + delays[row["tries"]]
    with sandbox.store.transaction():
        sandbox.store.run(
            "INSERT INTO attempts (delivery_id, at, status, error) VALUES (?, ?, ?, ?)", row["id"], now, status, error
        )
        sandbox.store.run(
            "UPDATE deliveries SET state = ?, tries = tries + 1, due = ? WHERE id = ?", state, due, row["id"]
        )
        _count_down(sandbox, event_id=row["event_id"])
    if not delivered:
        log.info("delivery %s of %s: %s", row["id"], row["event_id"], error or status)


def _count_down(sandbox: Sandbox, *, event_id: str) -> None:
    event = sandbox.store.find(event_id)
    if event is not None:
        open_states = "('waiting', 'held', 'dropped', 'failed')"
        sql = f"SELECT count(DISTINCT endpoint_id) AS n FROM deliveries WHERE event_id = ? AND state IN {open_states}"  # noqa: S608
        event.body["pending_webhooks"] = sandbox.store.run(sql, event_id)[0]["n"]
        sandbox.store.save(event)
