"""Does what has fallen due on the sandbox's clock: sessions expire, debits settle, old idempotency keys go.

Called before every request and every second, so that moving the clock forward takes effect at once.
"""

from collections.abc import Callable

from stripe_sandbox.idempotency import RETENTION_SECONDS
from stripe_sandbox.resources.checkout_sessions import EXPIRE_ACTION, close
from stripe_sandbox.resources.payments import SETTLE_ACTION, settle
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record


def _expire(sandbox: Sandbox, session: Record) -> None:
    if session.body["status"] == "open":
        close(sandbox, session)


def _settle(sandbox: Sandbox, intent: Record) -> None:
    if intent.body["status"] == "processing":
        settle(sandbox, intent)


ACTIONS: dict[str, Callable[[Sandbox, Record], None]] = {EXPIRE_ACTION: _expire, SETTLE_ACTION: _settle}


def run_due(sandbox: Sandbox) -> None:
    """Needs an open transaction."""
    now = sandbox.clock.now()
    for timer in sandbox.store.run("SELECT id, action, object_id FROM timers WHERE due <= ? ORDER BY due, id", now):
        record = sandbox.store.find(timer["object_id"])
        if record is not None:
            ACTIONS[timer["action"]](sandbox, record)
        sandbox.store.run("DELETE FROM timers WHERE id = ?", timer["id"])
    sandbox.store.run("DELETE FROM idempotency WHERE created <= ?", now - RETENTION_SECONDS)
