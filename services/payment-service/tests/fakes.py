"""Stripe in memory, behind the same door as the real gateway, with faults on order.

The contract suite runs on it and on the gateway against the sandbox, so it does what Stripe's stand-in does
there. Its books say what a test must find in ours.
"""

import itertools
import json
from collections import defaultdict, deque
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from payment_service.domain.stripe_answers import FailureKind, StripeFailure
from payment_service.domain.stripe_objects import (
    AccountAtStripe,
    EndpointAtStripe,
    EventAtStripe,
    LinkAtStripe,
    SessionAtStripe,
    endpoint_from,
    event_from,
    link_from,
    session_from,
)
from payment_service.stripe_door import Probe, StripeAccess

KEY = "sk_test_51FakeOwnerCanary0001"
OTHER_KEY = "sk_test_51FakeOtherCanary0002"
READ_ONLY_KEY = "rk_test_51FakeReadOnlyCanary3"
ACCOUNT = "acct_1FakeOwner"
OTHER_ACCOUNT = "acct_1FakeOther"
SMALLEST_EUR = 50

Json = dict[str, Any]


@dataclass
class Fault:
    """``after`` the work was done its answer is lost; otherwise nothing was done."""

    failure: StripeFailure
    after: bool = False


@dataclass
class FakeKey:
    account: str
    permissions: frozenset[str] | None = None


@dataclass
class FakeAccount:
    id: str
    name: str
    links: list[Json] = field(default_factory=list)
    sessions: list[Json] = field(default_factory=list)
    endpoints: list[Json] = field(default_factory=list)
    events: list[Json] = field(default_factory=list)
    answers: dict[str, tuple[str, Json]] = field(default_factory=dict)


class FakeStripe:
    """Keeps `payment_service.stripe_door.StripeDoor`."""

    def __init__(self) -> None:
        self.accounts = {
            ACCOUNT: FakeAccount(ACCOUNT, "Fake Owner"),
            OTHER_ACCOUNT: FakeAccount(OTHER_ACCOUNT, "Fake Other"),
        }
        self.keys = {
            KEY: FakeKey(ACCOUNT),
            OTHER_KEY: FakeKey(OTHER_ACCOUNT),
            READ_ONLY_KEY: FakeKey(ACCOUNT, frozenset({"rak_payment_link_read"})),
        }
        self.calls: list[tuple[str, str]] = []
        self.during: dict[str, Callable[[], Awaitable[None]]] = {}
        self.hide_account_from: set[str] = set()
        self._faults: dict[str, deque[Fault | None]] = defaultdict(deque)
        self._numbers = itertools.count(1)

    @property
    def owner(self) -> FakeAccount:
        return self.accounts[ACCOUNT]

    def fail(self, operation: str, *failures: StripeFailure | None, after: bool = False) -> None:
        """The next calls of ``operation`` suffer these, in order; None lets one pass."""
        self._faults[operation] += [Fault(failure, after) if failure else None for failure in failures]

    def count(self, operation: str) -> int:
        return sum(1 for name, _ in self.calls if name == operation)

    def forget_keys(self) -> None:
        """Idempotency keys are pruned after a day."""
        for account in self.accounts.values():
            account.answers.clear()

    def open(self, link_id: str) -> str:
        """A payer opens the page; the answer is the session's id."""
        account, link = self._find("links", link_id)
        if not link["active"]:
            raise LookupError("the link is not active")
        number = next(self._numbers)
        account.sessions.insert(0, _session(link, number))
        return str(account.sessions[0]["id"])

    def pay(self, link_or_session: str, *, settled: bool = True, amount: int | None = None) -> str:
        """A payer pays; a session that is already open can be paid even when its link is not active any more."""
        session_id = link_or_session if link_or_session.startswith("cs_") else self.open(link_or_session)
        account, session = self._find("sessions", session_id)
        if session["status"] != "open":
            raise LookupError("the session is not open")
        number = next(self._numbers)
        session["status"] = "complete"
        session["payment_intent"] = {"id": f"pi_fake{number}", "status": "processing", "latest_charge": None}
        if amount is not None:
            session["amount_total"] = amount
        if settled:
            self._settle(session, number)
        _, link = self._find("links", str(session["payment_link"]))
        link["active"] = False
        self._emit(account, "checkout.session.completed", session_id)
        if settled:
            self._emit(account, "payment_intent.succeeded", str(session["payment_intent"]["id"]))
        return session_id

    def settle(self, session_id: str) -> None:
        """A bank debit arrives after all."""
        account, session = self._find("sessions", session_id)
        self._settle(session, next(self._numbers))
        self._emit(account, "checkout.session.async_payment_succeeded", session_id)

    def bounce(self, session_id: str) -> None:
        """A bank debit fails; the session stays complete and unpaid."""
        account, session = self._find("sessions", session_id)
        session["payment_intent"]["status"] = "requires_payment_method"
        self._emit(account, "checkout.session.async_payment_failed", session_id)

    def _settle(self, session: Json, number: int) -> None:
        session["payment_status"] = "paid"
        session["payment_intent"]["status"] = "succeeded"
        session["payment_intent"]["latest_charge"] = {
            "id": f"ch_fake{number}",
            "created": 1_793_000_000 + number,
            "payment_method_details": {"type": "card"},
        }

    async def read_account(self, access: StripeAccess) -> AccountAtStripe:
        account = await self._enter("read_account", access, "rak_accounts_kyc_basic_read")
        if access.secret_key in self.hide_account_from:
            raise _denied("rak_accounts_kyc_basic_read")
        return AccountAtStripe(id=account.id, name=account.name, country="DE", default_currency="eur")

    async def probe(self, access: StripeAccess, probe: Probe) -> None:
        needed = {
            Probe.PAYMENT_LINKS: "rak_payment_link_read",
            Probe.CHECKOUT_SESSIONS: "rak_checkout_session_read",
            Probe.PAYMENT_INTENTS: "rak_payment_intent_read",
            Probe.EVENTS: "rak_event_read",
            Probe.WEBHOOK_ENDPOINTS: "rak_webhook_read",
        }
        await self._enter(f"probe {probe.value}", access, needed[probe])

    async def create_payment_link(self, access: StripeAccess, *, request: str, idempotency_key: str) -> LinkAtStripe:
        account = await self._enter("create_payment_link", access, "rak_payment_link_write")
        link = self._once(account, idempotency_key, request, lambda: self._new_link(account, json.loads(request)))
        self._leave("create_payment_link")
        return link_from(link)

    async def retrieve_payment_link(self, access: StripeAccess, *, link_id: str) -> LinkAtStripe:
        account = await self._enter("retrieve_payment_link", access, "rak_payment_link_read")
        return link_from(_of(account.links, link_id))

    async def deactivate_payment_link(self, access: StripeAccess, *, link_id: str) -> LinkAtStripe:
        account = await self._enter("deactivate_payment_link", access, "rak_payment_link_write")
        link = _of(account.links, link_id)
        link["active"] = False
        self._leave("deactivate_payment_link")
        return link_from(link)

    async def payment_links(self, access: StripeAccess) -> AsyncIterator[LinkAtStripe]:
        account = await self._enter("payment_links", access, "rak_payment_link_read")
        for link in list(account.links):
            yield link_from(link)
        if "end of payment_links" in self.during:
            await self.during.pop("end of payment_links")()

    async def sessions_of_link(self, access: StripeAccess, *, link_id: str, status: str) -> Sequence[SessionAtStripe]:
        account = await self._enter("sessions_of_link", access, "rak_checkout_session_read")
        _of(account.links, link_id)
        chosen = [row for row in account.sessions if row["payment_link"] == link_id and row["status"] == status]
        return [session_from(_collapsed(row)) for row in chosen]

    async def sessions_of_intent(self, access: StripeAccess, *, payment_intent_id: str) -> Sequence[SessionAtStripe]:
        account = await self._enter("sessions_of_intent", access, "rak_checkout_session_read")
        chosen = [row for row in account.sessions if _collapsed(row)["payment_intent"] == payment_intent_id]
        return [session_from(_collapsed(row)) for row in chosen]

    async def retrieve_session(self, access: StripeAccess, *, session_id: str) -> SessionAtStripe:
        account = await self._enter("retrieve_session", access, "rak_checkout_session_read")
        return session_from(json.loads(json.dumps(_of(account.sessions, session_id))))

    async def expire_session(self, access: StripeAccess, *, session_id: str) -> SessionAtStripe:
        account = await self._enter("expire_session", access, "rak_checkout_session_write")
        session = _of(account.sessions, session_id)
        if session["status"] != "open":
            raise StripeFailure(FailureKind.REFUSED, status=400)
        session["status"] = "expired"
        self._emit(account, "checkout.session.expired", session_id)
        self._leave("expire_session")
        return session_from(_collapsed(session))

    async def create_webhook_endpoint(
        self, access: StripeAccess, *, url: str, event_types: Sequence[str], idempotency_key: str
    ) -> EndpointAtStripe:
        account = await self._enter("create_webhook_endpoint", access, "rak_webhook_write")
        request = json.dumps([url, list(event_types)])
        endpoint = self._once(account, idempotency_key, request, lambda: self._new_endpoint(account, url))
        self._leave("create_webhook_endpoint")
        return endpoint_from(endpoint)

    async def webhook_endpoints(self, access: StripeAccess) -> Sequence[EndpointAtStripe]:
        account = await self._enter("webhook_endpoints", access, "rak_webhook_read")
        return [endpoint_from({**endpoint, "secret": None}) for endpoint in account.endpoints]

    async def delete_webhook_endpoint(self, access: StripeAccess, *, endpoint_id: str) -> None:
        account = await self._enter("delete_webhook_endpoint", access, "rak_webhook_write")
        account.endpoints.remove(_of(account.endpoints, endpoint_id))

    async def events_since(
        self, access: StripeAccess, *, event_types: Sequence[str], created_from: int
    ) -> AsyncIterator[EventAtStripe]:
        account = await self._enter("events_since", access, "rak_event_read")
        for event in list(account.events):
            if event["type"] in event_types and event["created"] >= created_from:
                yield event_from(event, body=json.dumps(event).encode())

    async def _enter(self, operation: str, access: StripeAccess, permission: str) -> FakeAccount:
        self.calls.append((operation, access.account_label))
        faults = self._faults[operation]
        if faults and (faults[0] is None or not faults[0].after):
            fault = faults.popleft()
            if fault is not None:
                raise fault.failure
        key = self.keys.get(access.secret_key)
        if key is None:
            raise StripeFailure(FailureKind.KEY_REFUSED, status=401)
        write = permission.replace("_read", "_write")
        if key.permissions is not None and not {permission, write} & key.permissions:
            raise _denied(permission)
        if operation in self.during:
            await self.during.pop(operation)()
        return self.accounts[key.account]

    def _leave(self, operation: str) -> None:
        faults = self._faults[operation]
        fault = faults.popleft() if faults else None
        if fault is not None:
            raise fault.failure

    def _once(self, account: FakeAccount, key: str, request: str, work: Callable[[], Json]) -> Json:
        if key in account.answers:
            before, answer = account.answers[key]
            if before != request:
                raise StripeFailure(FailureKind.KEY_REUSED, status=400)
            return answer
        answer = work()
        account.answers[key] = (request, json.loads(json.dumps(answer)))
        return answer

    def _new_link(self, account: FakeAccount, request: Json) -> Json:
        price = request["line_items"][0]["price_data"]
        if price["currency"] == "eur" and price["unit_amount"] < SMALLEST_EUR:
            raise StripeFailure(FailureKind.REFUSED, status=400, code="amount_too_small")
        number = next(self._numbers)
        link = {
            "id": f"plink_fake{number}",
            "url": f"https://fake-stripe.test/pay/plink_fake{number}",
            "active": True,
            "metadata": request["metadata"],
            "amount": price["unit_amount"],
            "currency": price["currency"],
        }
        account.links.insert(0, link)
        return link

    def _new_endpoint(self, account: FakeAccount, url: str) -> Json:
        number = next(self._numbers)
        endpoint = {"id": f"we_fake{number}", "url": url, "status": "enabled", "secret": f"whsec_fakeCanary{number}"}
        account.endpoints.append(endpoint)
        return endpoint

    def _emit(self, account: FakeAccount, event_type: str, object_id: str) -> None:
        number = next(self._numbers)
        event = {
            "id": f"evt_fake{number}",
            "object": "event",
            "type": event_type,
            "created": 1_893_000_000 + number,
            "livemode": False,
            "pending_webhooks": 1,
            "data": {"object": {"id": object_id}},
        }
        account.events.insert(0, event)

    def _find(self, kind: str, object_id: str) -> tuple[FakeAccount, Json]:
        for account in self.accounts.values():
            for row in getattr(account, kind):
                if row["id"] == object_id:
                    return account, row
        raise LookupError(object_id)


def _session(link: Json, number: int) -> Json:
    return {
        "id": f"cs_test_fake{number}",
        "status": "open",
        "payment_status": "unpaid",
        "payment_link": link["id"],
        "payment_intent": None,
        "amount_total": link["amount"],
        "currency": link["currency"],
        "created": 1_793_000_000 + number,
        "livemode": False,
        "metadata": dict(link["metadata"]),
    }


def _collapsed(session: Json) -> Json:
    intent = session["payment_intent"]
    return {**session, "payment_intent": intent["id"] if intent else None}


def _of(rows: list[Json], object_id: str) -> Json:
    for row in rows:
        if row["id"] == object_id:
            return row
    raise StripeFailure(FailureKind.NOT_FOUND, status=404)


def _denied(permission: str) -> StripeFailure:
    return StripeFailure(FailureKind.PERMISSION_MISSING, status=403, permission=permission)
