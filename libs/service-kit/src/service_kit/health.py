"""Two questions for a supervisor: is the process alive (``/livez``), and should work be sent to it (``/readyz``).

Readiness asks the parts themselves, within a budget, and turns red as soon as a stop begins.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass

from fastapi import APIRouter, Request
from fastapi.responses import JSONResponse

from service_kit.database import Database, run_sql

CHECK_SECONDS = 2.0


class NotReady(Exception):
    """A check's finding; its text is shown to whoever may ask, so it holds no address and no secret."""


@dataclass(frozen=True)
class ReadyCheck:
    """``run`` returns a word about the part or raises. One that is not ``required`` is only shown."""

    name: str
    run: Callable[[], Awaitable[str]]
    required: bool = True


@dataclass(frozen=True)
class Finding:
    name: str
    ok: bool
    required: bool
    detail: str


def database_check(database: Database, *, head: str | None) -> ReadyCheck:
    """The database answers and its schema is at revision ``head`` (``migrating.head_revision``; None skips that)."""

    async def run() -> str:
        async with database.transaction(organization_id=None) as session:
            if head is None:
                await run_sql(session, "select 1")
                return "answers"
            revision = (await run_sql(session, "select version_num from alembic_version")).scalar()
        if revision != head:
            raise NotReady(f"the schema is at {revision}, the code needs {head}")
        return f"at {revision}"

    return ReadyCheck(name="database", run=run)


async def ask(checks: Sequence[ReadyCheck], *, budget_seconds: float = CHECK_SECONDS) -> list[Finding]:
    """Run all checks side by side; one that takes longer than the budget has failed."""
    return list(await asyncio.gather(*(_ask_one(check, budget_seconds) for check in checks)))


async def _ask_one(check: ReadyCheck, budget_seconds: float) -> Finding:
    try:
        async with asyncio.timeout(budget_seconds):
            detail = await check.run()
    except NotReady as reason:
        return Finding(check.name, ok=False, required=check.required, detail=str(reason))
    except Exception as error:
        # The edge of a probe: every failure is a finding. Its text may hold an address, so only its kind is shown.
        return Finding(check.name, ok=False, required=check.required, detail=type(error).__name__)
    return Finding(check.name, ok=True, required=check.required, detail=detail)


def health_routes(checks: Sequence[ReadyCheck]) -> APIRouter:
    """``/livez`` and ``/readyz``; the application's ``state.stopping`` makes the second one red."""
    router = APIRouter(include_in_schema=False)

    @router.get("/livez")
    async def livez() -> JSONResponse:
        return JSONResponse({"status": "alive"})

    @router.get("/readyz")
    async def readyz(request: Request) -> JSONResponse:
        stopping = bool(getattr(request.app.state, "stopping", False))
        findings = await ask(checks)
        ready = not stopping and all(finding.ok for finding in findings if finding.required)
        body = {
            "status": "stopping" if stopping else "ready" if ready else "not ready",
            "checks": {
                finding.name: {"ok": finding.ok, "required": finding.required, "detail": finding.detail}
                for finding in findings
            },
        }
        return JSONResponse(body, status_code=200 if ready else 503)

    return router
