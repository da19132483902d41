"""Tables as CSV (RFC 4180, UTF-8), streamed: the first bytes leave before the last row is read, and a table that could
not be read to its end never looks complete, because the answer is broken off instead of ended."""

import contextlib
import csv
import io
from collections.abc import AsyncGenerator, Sequence
from datetime import date, datetime
from typing import Any

from fastapi.responses import StreamingResponse
from starlette.types import Receive, Scope, Send

STREAM_SECONDS = 3600
_FORMULA_BEGINS = ("=", "+", "-", "@", "\t", "\r", "\n", "\uff1d", "\uff0b", "\uff0d", "\uff20")
"""A spreadsheet runs a cell that begins so; the last four are the full-width forms of the first four."""

Cell = str | int | bool | date | datetime | None
Rows = Sequence[Sequence[Cell]]


class Amount(str):
    """A decimal number that we wrote ourselves: the one text that may begin with a minus."""

    __slots__ = ()


def written(rows: Rows) -> str:
    """Lines end with CR LF."""
    target = io.StringIO()
    csv.writer(target, lineterminator="\r\n").writerows([_text(cell) for cell in row] for row in rows)
    return target.getvalue()


def _text(cell: Cell) -> str:
    if cell is None:
        return ""
    if isinstance(cell, bool):
        return "true" if cell else "false"
    if isinstance(cell, datetime):
        return cell.isoformat().replace("+00:00", "Z")
    if isinstance(cell, date):
        return cell.isoformat()
    if isinstance(cell, str) and not isinstance(cell, Amount) and cell.startswith(_FORMULA_BEGINS):
        return f"'{cell}"
    return str(cell)


class CsvAnswer(StreamingResponse):
    """``chunks`` is started before the answer is, so what it refuses at its first step is still a proper problem."""

    media_type = "text/csv"

    def __init__(self, chunks: AsyncGenerator[str], *, filename: str, status_code: int = 200) -> None:
        super().__init__(
            chunks, status_code=status_code, headers={"Content-Disposition": f'attachment; filename="{filename}"'}
        )
        self.chunks = chunks

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        # Whatever ends the answer, a client that went away included, ends the reading in the same moment.
        async with contextlib.aclosing(self.chunks):
            first = await anext(self.chunks)
            self.body_iterator = _joined(first, self.chunks)
            scope.setdefault("state", {})["stream_seconds"] = STREAM_SECONDS
            await super().__call__(scope, receive, send)


async def _joined(first: str, others: AsyncGenerator[str]) -> Any:
    yield first
    async for chunk in others:
        yield chunk
