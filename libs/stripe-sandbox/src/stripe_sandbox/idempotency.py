"""Idempotency keys: the first result under a key is the result of every repeat, for 24 hours of the sandbox's clock.

Source: https://docs.stripe.com/api/idempotent_requests. Kept only once the work began, so a refused parameter leaves
the key free; kept in the transaction of the work itself, so a result is never lost while its effect stays.
"""

import hashlib
import json
from dataclasses import dataclass

from stripe_sandbox.refusals import invalid, key_reused_with_other_params
from stripe_sandbox.sandbox import Sandbox

RETENTION_SECONDS = 24 * 3600
KEY_CHARACTERS_MAX = 255


@dataclass(frozen=True, kw_only=True)
class SavedAnswer:
    status: int
    body: str
    request_id: str


def fingerprint(*, method: str, path: str, pairs: list[tuple[str, str]]) -> str:
    return hashlib.sha256(json.dumps([method, path, sorted(pairs)]).encode()).hexdigest()


def saved_answer(sandbox: Sandbox, *, account: str, key: str, print_: str) -> SavedAnswer | None:
    """Raise `Refusal` (400) when the key was used with other parameters, or is too long."""
    if len(key) > KEY_CHARACTERS_MAX:
        raise invalid(f"An idempotency key takes at most {KEY_CHARACTERS_MAX} characters")
    rows = sandbox.store.run("SELECT * FROM idempotency WHERE account = ? AND key = ?", account, key)
    if not rows or rows[0]["created"] <= sandbox.clock.now() - RETENTION_SECONDS:
        return None
    if rows[0]["fingerprint"] != print_:
        raise key_reused_with_other_params(key)
    return SavedAnswer(status=rows[0]["status"], body=rows[0]["body"], request_id=rows[0]["request_id"])


def save_answer(sandbox: Sandbox, *, account: str, key: str, print_: str, answer: SavedAnswer) -> None:
    """Needs an open transaction: the one that did the work."""
    sandbox.store.run(
        "INSERT OR REPLACE INTO idempotency VALUES (?, ?, ?, ?, ?, ?, ?)",
        account,
        key,
        print_,
        answer.status,
        answer.body,
        answer.request_id,
        sandbox.clock.now(),
    )
