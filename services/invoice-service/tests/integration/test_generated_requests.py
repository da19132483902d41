"""Requests that nobody thought of, generated from the API's own description, against the served API on a real database.

Every answer must be one that the document knows, in the form that it says; nothing generated may be a server error, and
what was deleted must be gone. Links carry ids from one operation into the next.
"""

import asyncio
import json
import os
import re
import socket
import sys
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
from fastapi import FastAPI
from invoice_service.app import create_public_app, describe_public_api
from invoice_service.request_quotas import quotas_of
from invoice_tests import make
from invoice_tests.fakes import FakePaymentService
from invoice_tests.make import Account
from invoice_tests.scenes import connection
from service_kit.http import serve
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.servers import port_open
from service_kit.testing.waiting import run_until

TESTS = Path(__file__).parents[1]
RULES_MODULE = "generated_requests_rules"
MUCH = 1_000_000
"""Requests a minute: the limits have tests of their own."""


@dataclass(frozen=True)
class Depth:
    """``examples`` are generated for each operation and phase; fewer than ``cases_min`` in all would prove little."""

    phases: str
    examples: int
    cases_min: int


SHORT = Depth(phases="examples,fuzzing,stateful", examples=3, cases_min=150)
WHOLE = Depth(phases="examples,coverage,fuzzing,stateful", examples=10, cases_min=2_000)


@asynccontextmanager
async def _served(app: FastAPI) -> AsyncIterator[str]:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = int(probe.getsockname()[1])
    stop = asyncio.Event()
    running = asyncio.create_task(serve([(app, "127.0.0.1", port)], stop=stop))
    try:
        await run_until(lambda: asyncio.to_thread(port_open, "127.0.0.1", port))
        yield f"http://127.0.0.1:{port}"
    finally:
        stop.set()
        await running


@pytest.mark.parametrize("depth", [SHORT, pytest.param(WHOLE, marks=pytest.mark.slow)], ids=["short", "whole"])
async def test_generated_requests_find_no_answer_that_is_not_described(
    depth: Depth,
    service_database: ServiceDatabase,
    tmp_path: Path,
    account: Account,
    record_property: Callable[[str, object], None],
) -> None:
    described = tmp_path / "openapi.json"
    described.write_text(json.dumps(describe_public_api()), encoding="utf-8")

    picture = connection(account).model_dump(mode="json")
    quotas = quotas_of(caller=MUCH, stranger=MUCH, page=MUCH)
    async with FakePaymentService(secret=make.PAYMENT_SECRET, content=picture).listening() as payment_url:
        parts = make.dependencies(service_database.open("invoice"), payment_service_url=payment_url, limits=quotas)
        async with _served(create_public_app(parts)) as url:
            status, output = await _generate(described, url=url, key=account.key, depth=depth, folder=tmp_path)

    (tmp_path / "output.txt").write_text(output, encoding="utf-8")
    assert status == 0, output[-6000:]
    counted = _cases_in(output)
    record_property("evidence", f"{counted} generated requests, 0 failures")
    assert counted >= depth.cases_min, output[-2000:]


async def _generate(document: Path, *, url: str, key: str, depth: Depth, folder: Path) -> tuple[int, str]:
    process = await asyncio.create_subprocess_exec(
        str(Path(sys.executable).with_name("schemathesis")),
        *("--config-file", str(_configured(folder))),
        *("run", str(document), "--url", url, "--header", f"Authorization: Bearer {key}"),
        *("--phases", depth.phases, "--max-examples", str(depth.examples), "--seed", "20261122"),
        *("--checks", "all", "--exclude-checks", "positive_data_acceptance"),
        *("--generation-with-security-parameters", "false", "--generation-allow-x00", "false"),
        *("--continue-on-failure", "--no-color"),
        cwd=folder,
        env={**os.environ, "SCHEMATHESIS_HOOKS": RULES_MODULE, "PYTHONPATH": str(TESTS)},
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
    )
    try:
        output, _ = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()
    return process.returncode or 0, output.decode(errors="replace")


def _configured(folder: Path) -> Path:
    """Answers of ours that the tool does not expect by itself: 428 for a missing If-Match (RFC 6585, section 3) and 414
    for an address that is too long."""
    file = folder / "schemathesis.toml"
    refused = ["400", "401", "403", "404", "406", "409", "415", "422", "428"]
    file.write_text(
        f"[checks.missing_required_header]\nexpected-statuses = {json.dumps(refused)}\n"
        f"[checks.negative_data_rejection]\nexpected-statuses = {json.dumps([*refused, '405', '414', '429'])}\n",
        encoding="utf-8",
    )
    return file


def _cases_in(output: str) -> int:
    found = re.search(r"(\d+) generated", output)
    return int(found[1]) if found else 0
