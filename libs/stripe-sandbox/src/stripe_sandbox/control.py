"""The way in for tests and demos: `/_sandbox/…`, plain JSON, which Stripe does not have.

It sets faults, moves the clock, pays without a browser and tells what happened; paying goes through the same function
as the pay page. Keep the sandbox on loopback: these routes ask for no key.
"""

from dataclasses import asdict
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Body, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from stripe_sandbox.events import queue_delivery, subscribed
from stripe_sandbox.faults import ApiFault, DeliveryFault
from stripe_sandbox.ledger import ledger
from stripe_sandbox.payer import pay_link_or_session
from stripe_sandbox.resources.payments import Payer, settle
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.settings import BadSettings, KeySpec
from stripe_sandbox.store import Record
from stripe_sandbox.timers import run_due

Json = dict[str, Any]


class Strict(BaseModel):
    model_config = ConfigDict(extra="forbid")


class Payment(Strict):
    card: str = "4242424242424242"
    email: str | None = "payer@example.test"
    name: str | None = "Sandbox Payer"


class Settlement(Strict):
    outcome: Literal["succeeded", "failed"] | None = None


class Advance(Strict):
    seconds: float = Field(ge=0, le=400 * 86400)


class ApiFaultOrder(Strict):
    kind: Literal["api"]
    method: str = "*"
    path: str = "*"
    skip: int = Field(default=0, ge=0)
    times: int = Field(default=1, ge=1)
    status: int | None = Field(default=None, ge=400, le=599)
    saved: bool = False
    delay_seconds: float = Field(default=0, ge=0, le=600)
    drop: Literal["before", "after"] | None = None


class DeliveryFaultOrder(Strict):
    kind: Literal["delivery"]
    action: Literal["hold", "drop", "duplicate", "forge"]
    type: str = "*"
    skip: int = Field(default=0, ge=0)
    times: int = Field(default=1, ge=1)


FaultOrder = Annotated[ApiFaultOrder | DeliveryFaultOrder, Body(discriminator="kind")]


class Redelivery(Strict):
    event: str
    endpoint: str | None = None


class Release(Strict):
    order: Literal["forwards", "backwards"] = "forwards"


class KeyOrder(Strict):
    key: str
    account: str
    permissions: list[str] | None = None
    expired: bool = False


def control_routes(sandbox: Sandbox) -> APIRouter:
    routes = APIRouter(prefix="/_sandbox")
    _add_views(routes, sandbox)
    _add_payments(routes, sandbox)
    _add_faults(routes, sandbox)
    return routes


def _add_views(routes: APIRouter, sandbox: Sandbox) -> None:
    @routes.get("/health")
    async def health() -> Json:
        return {"sandbox": True, "api_version": sandbox.subset.version, "now": sandbox.second()}

    @routes.get("/log")
    async def requests(method: str | None = None, path: str | None = None) -> list[Json]:
        """Oldest first; `path` is the start of one."""
        return [
            entry
            for entry in sandbox.log
            if method in (None, entry["method"]) and entry["path"].startswith(path or "/")
        ]

    @routes.get("/ledger")
    async def books() -> Json:
        return ledger(sandbox)

    @routes.get("/deliveries")
    async def deliveries() -> list[Json]:
        rows = sandbox.store.run(
            "SELECT d.id, d.event_id, d.endpoint_id, d.state, d.tries, d.due, json_extract(o.body, '$.type') AS type "
            "FROM deliveries d JOIN objects o ON o.id = d.event_id ORDER BY d.id"
        )
        attempts = [dict(row) for row in sandbox.store.run("SELECT * FROM attempts ORDER BY id")]
        return [{**dict(row), "attempts": [a for a in attempts if a["delivery_id"] == row["id"]]} for row in rows]


def _add_payments(routes: APIRouter, sandbox: Sandbox) -> None:
    @routes.post("/pay/{link_or_session}")
    async def pay(link_or_session: str, payment: Payment) -> Json:
        """Pays as a person would on the page; 402 when the card is declined."""
        payer = Payer(email=payment.email, name=payment.name)
        paid = pay_link_or_session(sandbox, link_or_session, card=payment.card, payer=payer)
        if paid.decline is not None:
            decline = {"session": paid.session.id, **asdict(paid.decline)}
            raise HTTPException(status_code=402, detail=decline)
        return paid.session.body

    @routes.post("/settle/{session_or_intent}")
    async def settle_now(session_or_intent: str, settlement: Settlement) -> Json:
        """Ends a bank debit now instead of in three days."""
        with sandbox.store.transaction():
            record = sandbox.store.find(session_or_intent)
            if record is not None and record.kind == "checkout.session":
                record = sandbox.store.find(record.body["payment_intent"] or "")
            if record is None or record.kind != "payment_intent":
                raise HTTPException(404, f"{session_or_intent} is no session with a payment, and no payment intent")
            settle(sandbox, record, outcome=settlement.outcome)
            return record.body

    @routes.post("/clock/advance")
    async def advance(order: Advance) -> Json:
        with sandbox.store.transaction():
            sandbox.clock.advance(seconds=order.seconds)
            sandbox.store.set_fact("clock_offset_seconds", str(sandbox.clock.offset_seconds))
            run_due(sandbox)
        sandbox.deliveries_changed.set()
        return {"now": sandbox.second(), "offset_seconds": sandbox.clock.offset_seconds}

    @routes.post("/keys")
    async def set_key(order: KeyOrder) -> Json:
        """Adds a key, or changes what it may do: `expired`, or a shorter list of permissions."""
        permissions = None if order.permissions is None else frozenset(order.permissions)
        try:
            spec = KeySpec(key=order.key, account=order.account, permissions=permissions, expired=order.expired)
        except BadSettings as problem:
            raise HTTPException(422, str(problem)) from problem
        with sandbox.store.transaction():
            if sandbox.store.find(spec.account) is None:
                name = f"Sandbox {spec.account[5:]}"
                sandbox.add_account(account=spec.account, name=name, country="DE", currency="eur")
            sandbox.add_key(spec)
        return {"account": spec.account, "expired": spec.expired}


def _add_faults(routes: APIRouter, sandbox: Sandbox) -> None:
    @routes.get("/faults")
    async def faults() -> Json:
        return sandbox.faults.shown()

    @routes.post("/faults")
    async def set_fault(order: FaultOrder) -> Json:
        wanted = order.model_dump(exclude={"kind"})
        if isinstance(order, ApiFaultOrder):
            sandbox.faults.api.append(ApiFault(**wanted))
        else:
            sandbox.faults.deliveries.append(DeliveryFault(**wanted))
        return sandbox.faults.shown()

    @routes.delete("/faults")
    async def clear_faults() -> Json:
        sandbox.faults.clear()
        return sandbox.faults.shown()

    @routes.post("/events/redeliver")
    async def redeliver(order: Redelivery) -> Json:
        """Sends an event once more to every endpoint that listens for it, or to the one named."""
        with sandbox.store.transaction():
            event = sandbox.store.find(order.event, kind="event")
            if event is None:
                raise HTTPException(404, f"no such event: {order.event}")
            endpoints = _chosen(sandbox, event, order.endpoint)
            ids = [queue_delivery(sandbox, event=event, endpoint=endpoint, state="waiting") for endpoint in endpoints]
        return {"deliveries": ids}

    @routes.post("/deliveries/release")
    async def release(order: Release) -> Json:
        """Lets held deliveries go, in the order they were held or the other way round."""
        with sandbox.store.transaction():
            held = [
                row["id"] for row in sandbox.store.run("SELECT id FROM deliveries WHERE state = 'held' ORDER BY id")
            ]
            chosen = held if order.order == "forwards" else held[::-1]
            now = sandbox.clock.now()
            for place, delivery_id in enumerate(chosen):
                due = now + place * 0.001
                sandbox.store.run("UPDATE deliveries SET state = 'waiting', due = ? WHERE id = ?", due, delivery_id)
        sandbox.deliveries_changed.set()
        return {"released": chosen}


def _chosen(sandbox: Sandbox, event: Record, endpoint_id: str | None) -> list[Record]:
    endpoints = subscribed(sandbox, account=event.account, event_type=event.body["type"])
    return [endpoint for endpoint in endpoints if endpoint_id in (None, endpoint.id)]
