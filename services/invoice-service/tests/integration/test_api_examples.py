"""The examples in the API's description are what the service really answers.

Each operation is called as in `invoice_tests.every_operation`; ids, moments and secrets are replaced by steady
ones, and what comes out must be what is committed. ``IC_RECORD_EXAMPLES=1`` writes the file anew.
"""

import json
import os
import re
from collections.abc import AsyncIterator
from datetime import date, datetime, timedelta
from pathlib import Path
from uuid import UUID
from zoneinfo import ZoneInfo

import jsonschema
import pytest
from contracts.ids import format_id
from invoice_service.api import api_document
from invoice_service.app import describe_public_api
from invoice_tests.driver import Driver
from invoice_tests.every_operation import CALLS, Stage, operations_of
from invoice_tests.make import Account, Json
from service_kit.clock import SystemClock
from service_kit.testing.databases import ServiceDatabase

FILE = Path(api_document.__file__).with_name("api_examples.json")
OPERATIONS = operations_of(describe_public_api())
SHOWN_DAY = date(2026, 11, 23)
WITHOUT_JSON = {"get_invoice_pdf"}
_ID = re.compile(r"\b([a-z]{3,4})_[0-7][0-9a-hjkmnp-tv-z]{25}\b")
_MOMENT = re.compile(r"\b\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?(?:Z|\+00:00)")
_DAY = re.compile(r"\b20\d\d-\d\d-\d\d\b(?!T)")
_PAGE_TOKEN = re.compile(r"/i/[A-Za-z0-9_-]{71}")
_KEY = re.compile(r"\bic_test_[0-9a-z]{26}_[A-Za-z0-9_-]{43}")
_LAST4 = re.compile(r'"last4": "[A-Za-z0-9_-]{4}"')
_REQUEST_ID = re.compile(r"\breq_[0-9a-f]{32}\b")
_DIGEST = re.compile(r'"[0-9a-f]{64}"')


@pytest.fixture
async def driver(service_database: ServiceDatabase) -> AsyncIterator[Driver]:
    driver = Driver(service_database)
    yield driver
    await driver.close()


@pytest.mark.parametrize("name", sorted(set(CALLS) - WITHOUT_JSON))
async def test_an_example_is_what_the_service_answers(name: str, account: Account, driver: Driver) -> None:
    call = await CALLS[name](Stage(account=account, driver=driver))
    answer = await OPERATIONS[name].send(account, call)
    assert answer.is_success, answer.text

    example: Json = {}
    if call.target or call.query:
        example["parameters"] = {**call.target, **call.query}
    if call.body is not None:
        example["request"] = call.body
    if answer.content and "json" in answer.headers["content-type"]:
        example["response"] = answer.json()
    steady = _steady(example)

    if os.environ.get("IC_RECORD_EXAMPLES"):
        _record(name, steady)
    assert json.loads(FILE.read_text(encoding="utf-8")).get(name) == steady


@pytest.mark.parametrize("name", sorted(OPERATIONS))
def test_an_example_fits_its_schema(name: str) -> None:
    document = describe_public_api()
    operation = document["paths"][OPERATIONS[name].path][OPERATIONS[name].method.lower()]
    examples = json.loads(FILE.read_text(encoding="utf-8")).get(name, {})

    for part, schema in _schemas(operation).items():
        assert part in examples, f"{name} has no example of its {part}"
        jsonschema.validate(
            examples[part],
            {**schema, "components": document["components"]},
            format_checker=jsonschema.FormatChecker(),
        )


def test_no_example_is_left_of_an_operation_that_is_gone() -> None:
    assert set(json.loads(FILE.read_text(encoding="utf-8"))) <= set(OPERATIONS)


def _schemas(operation: Json) -> dict[str, Json]:
    found: dict[str, Json] = {}
    body = operation.get("requestBody", {}).get("content", {}).get("application/json")
    if body:
        found["request"] = body["schema"]
    success = next(answer for status, answer in operation["responses"].items() if status.startswith("2"))
    if "application/json" in success.get("content", {}):
        found["response"] = success["content"]["application/json"]["schema"]
    return found


def _steady(example: Json) -> Json:
    """The same example whenever and wherever it is recorded."""
    seen: dict[str, str] = {}
    today = SystemClock().now().date()
    today_there = SystemClock().now().astimezone(ZoneInfo("Europe/Berlin")).date()

    def steady_id(found: re.Match[str]) -> str:
        number = (0x019AB2F0C1D2 << 80) + 0x70008 * len(seen) + 1
        return seen.setdefault(found[0], format_id(found[1], UUID(int=number)))

    def steady_day(found: re.Match[str]) -> str:
        return (SHOWN_DAY + (date.fromisoformat(found[0]) - today_there)).isoformat()

    def steady_moment(found: re.Match[str]) -> str:
        day = datetime.fromisoformat(found[0]).date()
        return f"{SHOWN_DAY + timedelta(days=(day - today).days)}T09:30:00Z"

    text = json.dumps(example, ensure_ascii=False)
    text = _KEY.sub("ic_test_01kasf1gek00000000000000a1_" + "x" * 43, text)
    text = _LAST4.sub('"last4": "xxxx"', text)
    text = _REQUEST_ID.sub("req_019ab2f0c1d27c3f8a5e4b6d7f8091a2", text)
    text = _ID.sub(steady_id, text)
    text = _MOMENT.sub(steady_moment, text)
    text = _DAY.sub(steady_day, text)
    text = _PAGE_TOKEN.sub("/i/" + "AZqy8MHSfDg" + "x" * 60, text)
    text = _DIGEST.sub('"' + "9f86d081884c7d65" * 4 + '"', text)
    steady: Json = json.loads(text)
    return steady


def _record(name: str, example: Json) -> None:
    recorded = json.loads(FILE.read_text(encoding="utf-8"))
    recorded[name] = example
    FILE.write_text(json.dumps(dict(sorted(recorded.items())), indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
