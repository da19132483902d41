"""The parts without a server: logs without secrets, settings, correlation and the list of crash points."""

import asyncio
import io
import json
import logging
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
import service_kit
import structlog
from pydantic import ValidationError
from service_kit import correlation, crash_points
from service_kit.database import uninterrupted
from service_kit.log_setup import configure_logging, get_logger
from service_kit.settings import Environment, MissingSetting, ServiceSettings

SECRET = "a-shared-secret-of-enough-length-0123456789"
CANARIES = {
    "secret key": "sk_test_51HcAnaRyCanaryCanary",
    "restricted key": "rk_live_CanaryCanaryCanary9",
    "webhook secret": "whsec_CanaryCanaryCanary+/=",
    "API key": "ic_live_CanaryCanary_Canary-Canary",
    "bearer": "Authorization: Bearer CanaryCanaryCanary",
    "header": "{'authorization': 'CanaryCanaryCanary'}",
    "database": "postgresql+asyncpg://app:CanaryCanary@db/x",
    "mailed link": "https://invoices.example.com/reset-password/ic_reset_Canary-Canary-Canary",
    "customer's page": "https://invoices.example.com/i/" + "Canary" * 12,
    "service token": "eyJhbGciOiJIUzI1NiJ9.eyJDYW5hcnkiOjF9.CanaryCanaryCanary",
}


@pytest.fixture
def log() -> Iterator[io.StringIO]:
    root = logging.getLogger()
    handlers, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging(service="kit-test", stream=stream)
    yield stream
    root.handlers, root.level = handlers, level
    structlog.reset_defaults()


@pytest.mark.parametrize("canary", list(CANARIES.values()), ids=list(CANARIES))
def test_no_secret_reaches_the_log_by_any_way(log: io.StringIO, canary: str) -> None:
    logger = get_logger("test")
    logger.info(f"said {canary}")
    logger.info("value", anything=canary, nested={"deep": [canary, {"deeper": canary}]}, raw=canary.encode())
    logging.getLogger("third_party").warning("it says %s", canary)
    try:
        raise RuntimeError(f"failed with {canary}") from ValueError(canary)
    except RuntimeError:
        logger.exception("it failed")
        logging.getLogger("third_party").exception("there too")

    text = log.getvalue()
    assert len(text.splitlines()) == 5
    assert "Canary" not in text
    assert "RuntimeError" in text


def test_what_is_no_secret_stays_readable(log: io.StringIO) -> None:
    get_logger().info("sent inv_01kasf1gej0000000000000001, EUR 7,360.00", path="/v1/invoices", page="/i/")

    assert "sent inv_01kasf1gej0000000000000001, EUR 7,360.00" in log.getvalue()
    assert '"/v1/invoices"' in log.getvalue()
    assert '"/i/"' in log.getvalue()


def test_values_under_a_telling_key_are_hidden_whatever_they_look_like(log: io.StringIO) -> None:
    get_logger().info("x", password="plain", api_key="plain", Authorization="plain", nested={"client_secret": "plain"})

    assert "plain" not in log.getvalue()


def test_a_line_is_json_with_the_thread_it_belongs_to(log: io.StringIO) -> None:
    with correlation.bound(correlation.new_correlation(correlation_id="cor_1")):
        get_logger().info("hello\nforged line", invoice_id="inv_1")

    (line,) = log.getvalue().splitlines()
    entry = json.loads(line)
    assert (entry["event"], entry["correlation_id"], entry["service"]) == ("hello\nforged line", "cor_1", "kit-test")


def test_production_refuses_a_crash_point_and_a_weak_secret(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IC_CRASH_AT", "relay.after_claim")
    with pytest.raises(ValidationError, match="IC_CRASH_AT"):
        ServiceSettings()
    monkeypatch.setenv("IC_ENVIRONMENT", "test")
    assert ServiceSettings().environment is Environment.TEST

    monkeypatch.setenv("IC_SERVICE_TOKEN_SECRET", "weak-canary")
    with pytest.raises(ValidationError, match="at least 32") as refusal:
        ServiceSettings()
    assert "weak-canary" not in str(refusal.value)


def test_a_missing_setting_is_named_by_its_variable() -> None:
    with pytest.raises(MissingSetting, match="IC_BROKER_URL"):
        ServiceSettings().required("broker_url")


def test_settings_hide_their_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IC_SERVICE_TOKEN_SECRET", SECRET)
    monkeypatch.setenv("IC_DATABASE_URL", "postgresql://app:canary@db/x")

    text = repr(ServiceSettings())

    assert SECRET not in text
    assert "canary" not in text


def test_a_task_inherits_the_correlation_of_the_one_that_started_it() -> None:
    async def read() -> str:
        return correlation.current().correlation_id

    async def parent() -> str:
        with correlation.bound(correlation.new_correlation(correlation_id="cor_parent")):
            task = asyncio.create_task(read())
        return await task

    assert asyncio.run(parent()) == "cor_parent"


def test_every_crash_point_in_the_kit_is_listed_and_the_other_way_round() -> None:
    sources = Path(service_kit.__path__[0]).rglob("*.py")
    named = {name for source in sources for name in re.findall(r'reached\("([a-z_.]+)"\)', source.read_text())}

    assert named == crash_points.KIT_POINTS


def test_a_process_can_be_told_to_die_at_the_third_arrival_at_a_boundary() -> None:
    program = (
        "from service_kit import crash_points as c; c.kill_at('a.b:3')\n"
        "for n in range(5): print(n, flush=True); c.reached('other'); c.reached('a.b')"
    )

    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)

    assert (ended.returncode, ended.stdout.split()) == (-signal.SIGKILL, ["0", "1", "2"])


async def test_work_that_must_not_be_interrupted_is_finished_before_the_cancellation_is_raised() -> None:
    finished, started, go = [], asyncio.Event(), asyncio.Event()

    async def work() -> None:
        started.set()
        await go.wait()
        finished.append(True)

    task = asyncio.create_task(uninterrupted(work()))
    await started.wait()
    task.cancel()
    await asyncio.sleep(0)
    task.cancel()
    await asyncio.sleep(0)
    go.set()

    with pytest.raises(asyncio.CancelledError):
        await task
    assert finished == [True]
