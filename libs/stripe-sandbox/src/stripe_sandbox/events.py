"""Makes an event of a change, in the transaction of that change, and queues it for every endpoint that asked for it.

So there is no change without its event and no event without its change. Envelope: https://docs.stripe.com/api/events
"""

from stripe_sandbox.ids import new_id
from stripe_sandbox.sandbox import Cause, Json, Sandbox
from stripe_sandbox.store import Record

BY_ITSELF = Cause()


def emit(
    sandbox: Sandbox,
    *,
    event_type: str,
    record: Record,
    previous: Json | None = None,
    cause: Cause = BY_ITSELF,
) -> Record:
    data: Json = {"object": record.body}
    if previous is not None:
        data["previous_attributes"] = previous
    endpoints = subscribed(sandbox, account=record.account, event_type=event_type)
    body = {
        "id": new_id("evt_1"),
        "account": None,
        "api_version": sandbox.subset.version,
        "data": data,
        "livemode": False,
        "pending_webhooks": len(endpoints),
        "request": {"id": cause.request_id, "idempotency_key": cause.idempotency_key},
        "type": event_type,
    }
    event = sandbox.add("event", body, account=record.account)
    for endpoint in endpoints:
        _queue(sandbox, event=event, endpoint=endpoint)
    return event


def subscribed(sandbox: Sandbox, *, account: str, event_type: str) -> list[Record]:
    endpoints = sandbox.store.select(kind="webhook_endpoint", account=account, tail="ORDER BY seq")
    return [
        endpoint
        for endpoint in endpoints
        if endpoint.body["status"] == "enabled" and {"*", event_type} & set(endpoint.body["enabled_events"])
    ]


def _queue(sandbox: Sandbox, *, event: Record, endpoint: Record) -> None:
    fault = sandbox.faults.for_delivery(event_type=event.body["type"])
    action = fault.action if fault else None
    state = {"hold": "held", "drop": "dropped"}.get(action or "", "waiting")
    for _ in range(2 if action == "duplicate" else 1):
        queue_delivery(sandbox, event=event, endpoint=endpoint, state=state, forged=action == "forge")


def queue_delivery(sandbox: Sandbox, *, event: Record, endpoint: Record, state: str, forged: bool = False) -> int:
    rows = sandbox.store.run(
        "INSERT INTO deliveries (event_id, endpoint_id, state, due, forged) VALUES (?, ?, ?, ?, ?) RETURNING id",
        event.id,
        endpoint.id,
        state,
        sandbox.clock.now(),
        int(forged),
    )
    sandbox.deliveries_changed.set()
    return int(rows[0]["id"])
