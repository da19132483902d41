"""The way in for API clients: `/v1/…`, as the unmodified `stripe` library calls it.

One request is one transaction, in which the work, its events, its queued deliveries and its idempotency record are
written together; then the answer is checked against the subset before anything is sent.
"""

import asyncio
import base64
import binascii
import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send

from stripe_sandbox.expansion import expand
from stripe_sandbox.faults import ApiFault
from stripe_sandbox.forms import read_params
from stripe_sandbox.idempotency import SavedAnswer, fingerprint, save_answer, saved_answer
from stripe_sandbox.ids import new_id
from stripe_sandbox.operations import HANDLERS, allows, permission_for
from stripe_sandbox.refusals import (
    Refusal,
    key_in_flight,
    masked,
    permission_missing,
    rate_limited,
    server_error,
    unknown_url,
)
from stripe_sandbox.sandbox import Call, Cause, Principal, Sandbox
from stripe_sandbox.subset import Match, ShapeProblem
from stripe_sandbox.timers import run_due

Json = dict[str, Any]
BODY_BYTES_MAX = 1 << 20
log = logging.getLogger("stripe_sandbox.api")


class LostAnswer(Response):
    """Promises a body and closes the connection instead: the client learns nothing of what was done."""

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = [(b"content-type", b"application/json"), (b"content-length", b"2")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})


class Incoming:
    """One request read whole, with its log entry."""

    def __init__(self, request: Request, body: bytes, entry: Json) -> None:
        self.method = request.method
        self.path = request.url.path
        source = body.decode("utf-8", "replace") if self.method == "POST" else request.url.query
        self.pairs = parse_qsl(source, keep_blank_values=True)
        self.headers = request.headers
        self.entry = entry
        self.request_id = str(entry["request_id"])
        self.idempotency_key = request.headers.get("idempotency-key") if self.method == "POST" else None

    @property
    def fingerprint(self) -> str:
        return fingerprint(method=self.method, path=self.path, pairs=self.pairs)


def bearer(authorization: str | None) -> str | None:
    """The key of `Bearer key`, or of `Basic base64(key:)`, as curl's `-u key:` sends it."""
    scheme, _, value = (authorization or "").partition(" ")
    if scheme.lower() == "bearer":
        return value.strip() or None
    if scheme.lower() == "basic":
        try:
            return base64.b64decode(value, validate=True).decode().split(":", 1)[0] or None
        except (binascii.Error, UnicodeDecodeError):
            return None
    return None


class Api:
    def __init__(self, sandbox: Sandbox) -> None:
        self.sandbox = sandbox

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        body = await request.body()
        entry = self._log(request, body)
        incoming = Incoming(request, body, entry)
        try:
            response = await self._answer(incoming, too_large=len(body) > BODY_BYTES_MAX)
        except Refusal as refusal:
            response = self._response(incoming, refusal.status, json.dumps(refusal.body(), indent=2))
        except ShapeProblem as problem:
            log.exception("the sandbox made something the subset does not accept")
            fault = server_error(f"The sandbox made an answer that is not Stripe's shape: {problem}")
            response = self._response(incoming, fault.status, json.dumps(fault.body(), indent=2))
        entry["status"] = None if isinstance(response, LostAnswer) else response.status_code
        await response(scope, receive, send)

    def _log(self, request: Request, body: bytes) -> Json:
        key = bearer(request.headers.get("authorization"))
        entry: Json = {
            "at": self.sandbox.clock.now(),
            "method": request.method,
            "path": request.url.path,
            "query": request.url.query,
            "body": body[:BODY_BYTES_MAX].decode("utf-8", "replace"),
            "key": masked(key) if key else None,
            "stripe_account": request.headers.get("stripe-account"),
            "stripe_version": request.headers.get("stripe-version"),
            "idempotency_key": request.headers.get("idempotency-key"),
            "request_id": new_id("req_"),
            "status": None,
            "fault": None,
            "replayed": False,
        }
        self.sandbox.log.append(entry)
        return entry

    async def _answer(self, incoming: Incoming, *, too_large: bool) -> Response:
        key = bearer(incoming.headers.get("authorization"))
        principal = self.sandbox.principal(key=key, on_account=incoming.headers.get("stripe-account"))
        if too_large:
            raise Refusal(status=413, message=f"A request may have {BODY_BYTES_MAX} bytes at most")
        fault = self.sandbox.faults.for_request(method=incoming.method, path=incoming.path)
        with self._in_flight(principal, incoming):
            if fault is not None:
                incoming.entry["fault"] = fault.id
                await self._suffer(fault, principal, incoming)
                if fault.drop == "before":
                    return LostAnswer()
            response = self._replay(principal, incoming) or self._work(principal, incoming)
        return LostAnswer() if fault is not None and fault.drop == "after" else response

    @contextmanager
    def _in_flight(self, principal: Principal, incoming: Incoming) -> Iterator[None]:
        if incoming.idempotency_key is None:
            yield
            return
        held = (principal.account, incoming.idempotency_key)
        if held in self.sandbox.keys_in_flight:
            raise key_in_flight(incoming.idempotency_key)
        self.sandbox.keys_in_flight.add(held)
        try:
            yield
        finally:
            self.sandbox.keys_in_flight.discard(held)

    async def _suffer(self, fault: ApiFault, principal: Principal, incoming: Incoming) -> None:
        if fault.delay_seconds:
            await asyncio.sleep(fault.delay_seconds)
        if fault.status is None:
            return
        told = "The sandbox fails here because a fault was set."
        refusal = rate_limited() if fault.status == 429 else server_error(told, status=fault.status)
        if fault.saved:
            with self.sandbox.store.transaction():
                self._save(principal, incoming, refusal.status, json.dumps(refusal.body(), indent=2))
        raise refusal

    def _replay(self, principal: Principal, incoming: Incoming) -> Response | None:
        if incoming.idempotency_key is None:
            return None
        saved = saved_answer(
            self.sandbox, account=principal.account, key=incoming.idempotency_key, print_=incoming.fingerprint
        )
        if saved is None:
            return None
        incoming.entry["replayed"] = True
        extra = {"Idempotent-Replayed": "true", "Original-Request": saved.request_id}
        return self._response(incoming, saved.status, saved.body, **extra)

    def _work(self, principal: Principal, incoming: Incoming) -> Response:
        match = self.sandbox.subset.match(method=incoming.method, path=incoming.path)
        if match is None or (match.operation.method, match.operation.template) not in HANDLERS:
            raise unknown_url(incoming.method, incoming.path)
        needed = permission_for(method=match.operation.method, template=match.operation.template)
        if not allows(principal.permissions, needed):
            raise permission_missing(principal.key, principal.account, needed)
        params = read_params(incoming.pairs, match.operation.params)
        try:
            with self.sandbox.store.transaction():
                text = self._handle(principal, incoming, match, params)
                self._save(principal, incoming, 200, text)
        except Refusal as refusal:
            if refusal.saved:
                with self.sandbox.store.transaction():
                    self._save(principal, incoming, refusal.status, json.dumps(refusal.body(), indent=2))
            raise
        return self._response(incoming, 200, text)

    def _handle(self, principal: Principal, incoming: Incoming, match: Match, params: Json) -> str:
        operation = match.operation
        run_due(self.sandbox)
        cause = Cause(request_id=incoming.request_id, idempotency_key=incoming.idempotency_key)
        call = Call(account=principal.account, params=params, path=match.path, cause=cause)
        body = HANDLERS[(operation.method, operation.template)](self.sandbox, call)
        body = expand(self.sandbox, schema=operation.answer, body=body, paths=params.get("expand", []))
        self.sandbox.subset.expect(operation.answer_pointer, body)
        return json.dumps(body, indent=2)

    def _save(self, principal: Principal, incoming: Incoming, status: int, text: str) -> None:
        if incoming.idempotency_key is not None:
            answer = SavedAnswer(status=status, body=text, request_id=incoming.request_id)
            save_answer(
                self.sandbox,
                account=principal.account,
                key=incoming.idempotency_key,
                print_=incoming.fingerprint,
                answer=answer,
            )

    def _response(self, incoming: Incoming, status: int, text: str, **extra: str) -> Response:
        headers = {
            "Request-Id": incoming.request_id,
            "Stripe-Version": incoming.headers.get("stripe-version") or self.sandbox.subset.version,
            "X-Stripe-Sandbox": "not Stripe, no money moves",
            **extra,
        }
        if incoming.idempotency_key is not None:
            headers["Idempotency-Key"] = incoming.idempotency_key
        return Response(text, status_code=status, media_type="application/json", headers=headers)
