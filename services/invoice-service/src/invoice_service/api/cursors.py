"""The place where a page of a list ends, as opaque text that only we can make, and the link to the page behind it.

It is bound to the organisation, the list, its order and its filters, so a changed or borrowed cursor is refused, not
guessed at.
"""

import base64
import binascii
import hashlib
import hmac
import json
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Annotated
from urllib.parse import urlencode
from uuid import UUID

from fastapi import Query, Request, Response
from fastapi.responses import JSONResponse
from service_kit.problems import problem, request_id_of

from invoice_service.domain.list_order import Place

CURSOR_LENGTH_MAX = 1_600
"""A name has up to 200 characters, each of up to four bytes."""

PageSize = Annotated[int, Query(ge=1, le=100)]
Cursor = Annotated[
    str | None, Query(max_length=CURSOR_LENGTH_MAX, description="`next_cursor` of the page before, unchanged.")
]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_PROOF_BYTES = 16
_PURPOSE = b"list-cursor:"


class CursorRefused(Exception):
    """It is not one that we made for this list; `cursor_refused` is the answer."""


@dataclass(frozen=True)
class CursorMaker:
    """``context`` names organisation, list, order and filters."""

    secret: str
    context: str

    def write(self, place: Place) -> str:
        value, row_id = place
        content = row_id.bytes + json.dumps(_plain(value), ensure_ascii=False).encode()
        return base64.urlsafe_b64encode(self._proof(content) + content).decode().rstrip("=")

    def read(self, text: str | None) -> Place | None:
        """Raises `CursorRefused`."""
        if text is None:
            return None
        raw = _decoded(text)
        proof, content = raw[:_PROOF_BYTES], raw[_PROOF_BYTES:]
        if not hmac.compare_digest(proof, self._proof(content)):
            raise CursorRefused
        return _valued(json.loads(content[16:])), UUID(bytes=content[:16])

    def _proof(self, content: bytes) -> bytes:
        context = self.context.encode()
        message = _PURPOSE + len(context).to_bytes(4, "big") + context + content
        return hmac.digest(self.secret.encode(), message, hashlib.sha256)[:_PROOF_BYTES]


def context_of(kind: str, organization_id: UUID, **wanted: object) -> str:
    """The same for the same list and filters, and for nothing else."""
    return json.dumps([kind, str(organization_id), {name: str(value) for name, value in sorted(wanted.items())}])


def link_to_next(request: Request, response: Response, *, cursor: str | None) -> None:
    """RFC 8288, as a relative reference: the caller knows better than we by which name it reached us."""
    if cursor is not None:
        others = [(name, value) for name, value in request.query_params.multi_items() if name != "cursor"]
        response.headers["Link"] = f'<{request.url.path}?{urlencode([*others, ("cursor", cursor)])}>; rel="next"'


async def cursor_refused(request: Request, _: Exception) -> JSONResponse:
    detail = "the cursor is not one of this list with these filters and this order; start again without it"
    return problem(
        status=400,
        slug="cursor-refused",
        title="The cursor cannot be used",
        detail=detail,
        request_id=request_id_of(request.scope),
        errors=[{"pointer": "", "parameter": "query cursor", "detail": detail}],
    )


def _plain(value: datetime | date | str) -> list[object]:
    if isinstance(value, datetime):
        return ["moment", (value - _EPOCH) // timedelta(microseconds=1)]
    if isinstance(value, date):
        return ["date", value.toordinal()]
    return ["text", value]


def _valued(plain: list[object]) -> datetime | date | str:
    kind, value = plain
    if kind == "moment" and isinstance(value, int):
        return _EPOCH + timedelta(microseconds=value)
    if kind == "date" and isinstance(value, int):
        return date.fromordinal(value)
    return str(value)


def _decoded(text: str) -> bytes:
    try:
        raw = base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True)
    except (binascii.Error, ValueError):
        return b""
    return raw if base64.urlsafe_b64encode(raw).decode().rstrip("=") == text else b""
