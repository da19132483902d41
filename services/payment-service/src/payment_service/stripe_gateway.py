"""The only door to the ``stripe`` library: one attempt a call, a fixed time limit, our own values in and out.

The library's retries and telemetry are off, because attempts are counted in the database and nothing about a customer
leaves the machine unasked. Its answers become plain values and its errors one exception without Stripe's texts.
"""

import asyncio
import json
import logging
import re
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import datetime
from typing import Any, Protocol, TypeVar, cast

import httpx
import stripe
from pydantic import ValidationError

from payment_service.domain.stripe_answers import FailureKind, StripeFailure
from payment_service.domain.stripe_objects import (
    AccountAtStripe,
    EndpointAtStripe,
    EventAtStripe,
    LinkAtStripe,
    SessionAtStripe,
    account_from,
    endpoint_from,
    event_from,
    link_from,
    session_from,
)
from payment_service.stripe_door import Probe, StripeAccess

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 25.0
SIGNATURE_AGE_SECONDS_MAX = 300
_PAGE_SIZE = 100
_ACCOUNTS_REMEMBERED_MAX = 10_000
_EXPAND = ["payment_intent.latest_charge"]

T = TypeVar("T")


class _Page(Protocol):
    has_more: bool
    data: Sequence[Any]


class SignatureRefused(Exception):
    """The signature does not prove that Stripe sent these bytes just now."""


class StripeGateway:
    """Keeps `payment_service.stripe_door.StripeDoor`. One per process, made in the running loop, closed at the end."""

    def __init__(
        self,
        *,
        api_base: str,
        requests_per_second: float,
        connect_seconds: float = CONNECT_SECONDS,
        total_seconds: float = TOTAL_SECONDS,
    ) -> None:
        stripe.enable_telemetry = False
        # At INFO the library logs Stripe's error texts, which hold masked keys, and at DEBUG whole request bodies.
        logging.getLogger("stripe").setLevel(logging.WARNING)
        self._api_base = api_base.rstrip("/")
        self._total_seconds = total_seconds
        self._http = stripe.HTTPXClient(timeout=httpx.Timeout(total_seconds, connect=connect_seconds))
        self._pacer = _Pacer(requests_per_second)

    async def close(self) -> None:
        await cast("Any", self._http).close_async()

    async def read_account(self, access: StripeAccess) -> AccountAtStripe:
        account = self._client(access).v1.accounts.retrieve_current_async
        return await self._call(access, lambda: account(), account_from)

    async def probe(self, access: StripeAccess, probe: Probe) -> None:
        v1 = self._client(access).v1
        lists: dict[Probe, Callable[[], Awaitable[Any]]] = {
            Probe.PAYMENT_LINKS: lambda: v1.payment_links.list_async({"limit": 1}),
            Probe.CHECKOUT_SESSIONS: lambda: v1.checkout.sessions.list_async({"limit": 1}),
            Probe.PAYMENT_INTENTS: lambda: v1.payment_intents.list_async(
                {"limit": 1, "expand": ["data.latest_charge"]}
            ),
            Probe.EVENTS: lambda: v1.events.list_async({"limit": 1}),
            Probe.WEBHOOK_ENDPOINTS: lambda: v1.webhook_endpoints.list_async({"limit": 1}),
        }
        await self._call(access, lists[probe], lambda data: None)

    async def create_payment_link(self, access: StripeAccess, *, request: str, idempotency_key: str) -> LinkAtStripe:
        create = self._client(access).v1.payment_links.create_async
        params, options = json.loads(request), _options(idempotency_key)
        return await self._call(access, lambda: create(params, options), link_from)

    async def retrieve_payment_link(self, access: StripeAccess, *, link_id: str) -> LinkAtStripe:
        retrieve = self._client(access).v1.payment_links.retrieve_async
        return await self._call(access, lambda: retrieve(link_id), link_from)

    async def deactivate_payment_link(self, access: StripeAccess, *, link_id: str) -> LinkAtStripe:
        update = self._client(access).v1.payment_links.update_async
        return await self._call(access, lambda: update(link_id, {"active": False}), link_from)

    async def payment_links(self, access: StripeAccess) -> AsyncIterator[LinkAtStripe]:
        list_links = self._client(access).v1.payment_links.list_async
        async for data in self._pages(access, lambda page: list_links(cast("Any", page))):
            yield _read(link_from, data)

    async def sessions_of_link(self, access: StripeAccess, *, link_id: str, status: str) -> Sequence[SessionAtStripe]:
        return await self._sessions(access, {"payment_link": link_id, "status": status})

    async def sessions_of_intent(self, access: StripeAccess, *, payment_intent_id: str) -> Sequence[SessionAtStripe]:
        return await self._sessions(access, {"payment_intent": payment_intent_id})

    async def retrieve_session(self, access: StripeAccess, *, session_id: str) -> SessionAtStripe:
        retrieve = self._client(access).v1.checkout.sessions.retrieve_async
        return await self._call(access, lambda: retrieve(session_id, {"expand": _EXPAND}), session_from)

    async def expire_session(self, access: StripeAccess, *, session_id: str) -> SessionAtStripe:
        expire = self._client(access).v1.checkout.sessions.expire_async
        return await self._call(access, lambda: expire(session_id), session_from)

    async def create_webhook_endpoint(
        self, access: StripeAccess, *, url: str, event_types: Sequence[str], idempotency_key: str
    ) -> EndpointAtStripe:
        create = self._client(access).v1.webhook_endpoints.create_async
        params = {"url": url, "enabled_events": list(event_types), "api_version": stripe.api_version}
        call = lambda: create(cast("Any", params), _options(idempotency_key))  # noqa: E731
        return await self._call(access, call, endpoint_from)

    async def webhook_endpoints(self, access: StripeAccess) -> Sequence[EndpointAtStripe]:
        list_endpoints = self._client(access).v1.webhook_endpoints.list_async
        pages = self._pages(access, lambda page: list_endpoints(cast("Any", page)))
        return [_read(endpoint_from, data) async for data in pages]

    async def delete_webhook_endpoint(self, access: StripeAccess, *, endpoint_id: str) -> None:
        delete = self._client(access).v1.webhook_endpoints.delete_async
        await self._call(access, lambda: delete(endpoint_id), lambda data: None)

    async def events_since(
        self, access: StripeAccess, *, event_types: Sequence[str], created_from: int
    ) -> AsyncIterator[EventAtStripe]:
        list_events = self._client(access).v1.events.list_async
        chosen = {"types": list(event_types), "created": {"gte": created_from}}
        async for data in self._pages(access, lambda page: list_events(cast("Any", {**chosen, **page}))):
            yield _read(lambda event: event_from(event, body=json.dumps(event).encode()), data)

    async def _sessions(self, access: StripeAccess, chosen: dict[str, str]) -> Sequence[SessionAtStripe]:
        list_sessions = self._client(access).v1.checkout.sessions.list_async
        pages = self._pages(access, lambda page: list_sessions(cast("Any", {**chosen, **page})))
        return [_read(session_from, data) async for data in pages]

    async def _pages(
        self, access: StripeAccess, list_page: Callable[[dict[str, Any]], Awaitable[Any]]
    ) -> AsyncIterator[dict[str, Any]]:
        page: dict[str, Any] = {"limit": _PAGE_SIZE}
        while True:
            answer = cast("_Page", await self._attempt(access, lambda: list_page(page)))  # noqa: B023
            rows = [_as_dict(row) for row in answer.data]
            for row in rows:
                yield row
            if not answer.has_more or not rows:
                return
            page = {"limit": _PAGE_SIZE, "starting_after": rows[-1]["id"]}

    async def _call(
        self, access: StripeAccess, call: Callable[[], Awaitable[Any]], read: Callable[[dict[str, Any]], T]
    ) -> T:
        return _read(read, _as_dict(await self._attempt(access, call)))

    async def _attempt(self, access: StripeAccess, call: Callable[[], Awaitable[Any]]) -> Any:
        await self._pacer.wait_for_turn(access.account_label)
        try:
            async with asyncio.timeout(self._total_seconds):
                return await call()
        except TimeoutError:
            raise StripeFailure(FailureKind.UNKNOWN) from None
        except stripe.StripeError as problem:
            # The cause is dropped on purpose: it holds Stripe's texts and, in its headers, what must not be logged.
            raise _failure_from(problem) from None

    def _client(self, access: StripeAccess) -> stripe.StripeClient:
        return stripe.StripeClient(
            access.secret_key,
            base_addresses={"api": self._api_base},
            http_client=self._http,
            max_network_retries=0,
        )


def verify_signature(*, body: bytes, header: str, secrets: Sequence[str], now: datetime) -> None:
    """Check Stripe's signature over the raw bytes with each secret in use. Raises `SignatureRefused`.

    The library accepts timestamps from the future and lets several kinds of exception out for forged input; both are
    settled here.
    """
    if not any(secret.strip() for secret in secrets):
        raise SignatureRefused("no signing secret is known")
    _check_age(header, now)
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(body, header, secret)
        except (stripe.SignatureVerificationError, ValueError, TypeError, AttributeError):
            continue
        return
    raise SignatureRefused("the signature does not match")


def _check_age(header: str, now: datetime) -> None:
    stamps = [part[2:] for part in header.split(",") if part.startswith("t=")]
    if len(stamps) != 1 or not stamps[0].isascii() or not stamps[0].isdigit() or len(stamps[0]) > 12:
        raise SignatureRefused("the signature names no time")
    if abs(int(now.timestamp()) - int(stamps[0])) > SIGNATURE_AGE_SECONDS_MAX:
        raise SignatureRefused("the signature is too old, or from the future")


class _Pacer:
    """Spaces the calls of one account evenly, so that Stripe's own limit is never met."""

    def __init__(self, requests_per_second: float) -> None:
        self._interval = 1 / requests_per_second
        self._next_turn: dict[str, float] = {}

    async def wait_for_turn(self, label: str) -> None:
        now = asyncio.get_running_loop().time()
        if len(self._next_turn) >= _ACCOUNTS_REMEMBERED_MAX:
            self._next_turn = {known: turn for known, turn in self._next_turn.items() if turn > now}
        turn = max(now, self._next_turn.get(label, now))
        self._next_turn[label] = turn + self._interval
        if turn > now:
            await asyncio.sleep(turn - now)


def _options(idempotency_key: str) -> Any:
    return {"idempotency_key": idempotency_key}


def _as_dict(value: Any) -> dict[str, Any]:
    return cast("dict[str, Any]", value.to_dict(for_json=True))


def _read(read: Callable[[dict[str, Any]], T], data: dict[str, Any]) -> T:
    """An answer that cannot be understood is an unknown outcome, not a refusal."""
    try:
        return read(data)
    except (ValidationError, KeyError, TypeError):
        raise StripeFailure(FailureKind.UNKNOWN, code="unreadable_answer") from None


def _failure_from(problem: stripe.StripeError) -> StripeFailure:
    headers = problem.headers or {}
    permission = re.search(r"rak_[a-z0-9_]+", str(problem.user_message or ""))
    return StripeFailure(
        _kind_of(problem),
        status=problem.http_status,
        code=problem.code or (problem.error.code if problem.error else None) or "",
        param=getattr(problem, "param", None) or "",
        permission=permission.group() if permission else "",
        request_id=problem.request_id or "",
        retry_after_seconds=_seconds(headers.get("retry-after")),
    )


def _kind_of(problem: stripe.StripeError) -> FailureKind:
    status = problem.http_status
    if isinstance(problem, stripe.IdempotencyError) and status != 409:
        return FailureKind.KEY_REUSED
    if isinstance(problem, stripe.RateLimitError):
        return FailureKind.BUSY
    if status is None or status < 400:
        return FailureKind.UNKNOWN
    named = {
        401: FailureKind.KEY_REFUSED,
        403: FailureKind.PERMISSION_MISSING,
        404: FailureKind.NOT_FOUND,
        409: FailureKind.CONFLICT,
    }
    return named.get(status, FailureKind.SERVER_ERROR if status >= 500 else FailureKind.REFUSED)


def _seconds(text: str | None) -> float | None:
    return min(float(text), 600.0) if text and text.isascii() and text.isdigit() else None
