"""Starting it: settings that are refused, the command line, and a state that survives a restart."""

import argparse
import asyncio
import signal
import sys
from pathlib import Path
from typing import Any

import httpx
import pytest
import stripe
from stripe_sandbox.cli import main, parser, settings_from
from stripe_sandbox.settings import BadSettings, KeySpec, parse_account, parse_key
from stripe_sandbox.testing import eventually, free_port


@pytest.mark.parametrize("key", ["sk_live_abcdefgh12345678", "rk_live_abcdefgh12345678"])
def test_it_does_not_start_with_a_live_looking_key(key: str, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["serve", "--key", f"{key}=acct_1Demo"])

    told = capsys.readouterr().err
    assert status == 2
    assert "live Stripe key" in told
    assert key not in told


@pytest.mark.parametrize(
    "text", ["pk_test_abcdef=acct_1", "whsec_abcdef=acct_1", "sk_test_abcdef", "sk_test_abcdef=me"]
)
def test_a_malformed_key_is_refused_with_its_remedy(text: str) -> None:
    with pytest.raises(BadSettings, match=r"sk_test_|acct_"):
        parse_key(text)


def test_keys_and_accounts_are_read_from_the_command_line() -> None:
    line = [
        "serve",
        "--port",
        "9",
        "--key",
        "rk_test_abcd=acct_1A:rak_refund_read+rak_event_read",
        "--retry-after",
        "0.1",
    ]
    arguments: argparse.Namespace = parser().parse_args([*line, "--account", "acct_1A=Nordlicht:SE:SEK"])

    settings = settings_from(arguments)

    permissions = frozenset({"rak_refund_read", "rak_event_read"})
    assert settings.keys == (KeySpec(key="rk_test_abcd", account="acct_1A", permissions=permissions),)
    assert settings.accounts == (parse_account("acct_1A=Nordlicht:SE:sek"),)
    assert settings.public_url == "http://127.0.0.1:9"
    assert settings.retry_delays_seconds == (0.1,)


def test_a_key_does_not_show_in_the_settings() -> None:
    assert "sk_test_abcdefgh" not in repr(KeySpec(key="sk_test_abcdefgh", account="acct_1A"))


async def test_a_database_file_keeps_objects_keys_and_the_clock(start: Any, tmp_path: Path) -> None:
    database = str(tmp_path / "sandbox.db")
    async with start(database=database) as first:
        link = await first.client.v1.payment_links.create_async(first.link_params(), {"idempotency_key": "k1"})
        before = (await first.control("clock/advance", seconds=3600))["now"]

    async with start(database=database) as second:
        again = await second.client.v1.payment_links.create_async(second.link_params(), {"idempotency_key": "k1"})

        assert again.id == link.id
        assert (await second.look("health"))["now"] >= before


async def test_deliveries_left_over_are_sent_after_a_restart(start: Any, receiver: Any, tmp_path: Path) -> None:
    database = str(tmp_path / "sandbox.db")
    async with start(database=database, retry_delays_seconds=(3600.0,)) as first:
        params: Any = {"url": receiver.url, "enabled_events": ["payment_link.created"]}
        await first.client.v1.webhook_endpoints.create_async(params)
        await first.control("faults", kind="delivery", action="hold")
        await first.new_link()

    async with start(database=database) as second:
        await second.control("deliveries/release")
        await eventually(lambda: receiver.got, what="the delivery held over the restart arrives")

    assert len(receiver.got) == 1


async def test_the_program_serves_until_it_is_told_to_stop() -> None:
    port = free_port()
    command = ["-m", "stripe_sandbox.cli", "serve", "--port", str(port), "--key", "sk_test_demo1234=acct_1Demo"]
    process = await asyncio.create_subprocess_exec(sys.executable, *command)
    try:
        async with httpx.AsyncClient(trust_env=False) as http:
            answer = await _first_answer(http, f"http://127.0.0.1:{port}/_sandbox/health", process)
        assert answer["sandbox"] is True
        http_client = stripe.HTTPXClient(timeout=5)
        base: Any = {"api": f"http://127.0.0.1:{port}"}
        client = stripe.StripeClient("sk_test_demo1234", base_addresses=base, http_client=http_client)
        assert (await client.v1.accounts.retrieve_current_async()).id == "acct_1Demo"
        await http_client.close_async()  # type: ignore[no-untyped-call]
    finally:
        process.terminate()
        status = await process.wait()
    assert status == -signal.SIGTERM


async def _first_answer(http: httpx.AsyncClient, url: str, process: asyncio.subprocess.Process) -> Any:
    deadline = asyncio.get_running_loop().time() + 20
    while asyncio.get_running_loop().time() < deadline and process.returncode is None:
        try:
            return (await http.get(url)).json()
        except httpx.ConnectError:
            await asyncio.sleep(0.05)
    raise AssertionError("the program never answered")
