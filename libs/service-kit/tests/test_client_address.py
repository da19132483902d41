"""The address of a client: from the connection, or from the proxies that are ours, and never from the client itself."""

import httpx
import pytest
from fastapi import FastAPI, Request
from pydantic import ValidationError
from service_kit.client_address import MalformedProxies, TrustedProxies, customer_network
from service_kit.clock import SystemClock
from service_kit.http import create_api
from service_kit.http_door import HttpDoor
from service_kit.settings import ServiceSettings

PROXIES = TrustedProxies.listed("10.0.0.0/8, 192.0.2.1, 2001:db8:aaaa::/48, ::1")


def scope(peer: str | None, *forwarded: str) -> dict[str, object]:
    headers = [(b"x-forwarded-for", said.encode("latin-1")) for said in forwarded]
    return {"type": "http", "client": (peer, 4711) if peer else None, "headers": headers}


@pytest.mark.parametrize(
    ("peer", "forwarded", "address"),
    [
        ("203.0.113.7", [], "203.0.113.7"),
        ("203.0.113.7", ["198.51.100.9"], "203.0.113.7"),
        ("10.1.2.3", [], "10.1.2.3"),
        ("10.1.2.3", ["198.51.100.9"], "198.51.100.9"),
        ("10.1.2.3", ["1.1.1.1, 198.51.100.9"], "198.51.100.9"),
        ("10.1.2.3", ["1.1.1.1", "198.51.100.9"], "198.51.100.9"),
        ("10.1.2.3", ["198.51.100.9, 192.0.2.1"], "198.51.100.9"),
        ("10.1.2.3", ["198.51.100.9", "192.0.2.1, 10.9.9.9"], "198.51.100.9"),
        ("10.1.2.3", ["10.4.4.4, 192.0.2.1"], "10.4.4.4"),
        ("10.1.2.3", ["198.51.100.9:5555"], "198.51.100.9"),
        ("10.1.2.3", ["2001:db8:1::7"], "2001:db8:1::7"),
        ("10.1.2.3", ["[2001:db8:1::7]:443"], "2001:db8:1::7"),
        ("10.1.2.3", ["2001:DB8:1:0:0:0:0:7"], "2001:db8:1::7"),
        ("10.1.2.3", ["fe80::1%eth0"], "fe80::1"),
        ("2001:db8:aaaa::5", ["198.51.100.9"], "198.51.100.9"),
        ("2001:db8:bbbb::5", ["198.51.100.9"], "2001:db8:bbbb::5"),
        ("::ffff:10.1.2.3", ["198.51.100.9"], "198.51.100.9"),
        ("::ffff:203.0.113.7", ["198.51.100.9"], "203.0.113.7"),
        ("10.1.2.3", ["::ffff:198.51.100.9"], "198.51.100.9"),
        ("10.1.2.3", ["198.51.100.9, ::ffff:10.7.7.7"], "198.51.100.9"),
        ("10.1.2.3", ["<script>"], "10.1.2.3"),
        ("10.1.2.3", ["198.51.100.9, unknown"], "10.1.2.3"),
        ("10.1.2.3", ["198.51.100.9, nonsense, 192.0.2.1"], "192.0.2.1"),
        ("10.1.2.3", ["198.51.100.9,"], "10.1.2.3"),
        ("10.1.2.3", ["2130706433"], "10.1.2.3"),
        ("10.1.2.3", ["0x7f.1"], "10.1.2.3"),
        ("10.1.2.3", ["\xff\xfe"], "10.1.2.3"),
        (None, ["198.51.100.9"], "local"),
        ("/run/some.sock", ["198.51.100.9"], "local"),
    ],
)
def test_only_what_trusted_proxies_added_counts(peer: str | None, forwarded: list[str], address: str) -> None:
    assert PROXIES.client_address(scope(peer, *forwarded)) == address


def test_without_a_setting_nobody_is_believed_not_even_this_machine() -> None:
    for peer in ("127.0.0.1", "::1", "10.0.0.1"):
        assert TrustedProxies().client_address(scope(peer, "198.51.100.9")) == peer


@pytest.mark.parametrize("listed", ["proxy.example.com", "10.0.0.1/8", "*", "0.0.0.0/0", "::/0", "10.0.0.0/33"])
def test_a_list_that_cannot_be_meant_is_refused_at_start(listed: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IC_TRUSTED_PROXIES", f"192.0.2.1, {listed}")

    with pytest.raises(MalformedProxies):
        TrustedProxies.listed(listed)
    with pytest.raises(ValidationError, match="IC_TRUSTED_PROXIES: "):
        ServiceSettings()


def test_the_setting_reaches_the_door(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IC_TRUSTED_PROXIES", "192.0.2.1,10.0.0.0/8")

    proxies = ServiceSettings().http_door().trusted_proxies

    assert proxies.client_address(scope("10.1.2.3", "198.51.100.9")) == "198.51.100.9"


@pytest.mark.parametrize(
    ("address", "network"),
    [
        ("203.0.113.7", "203.0.113.7"),
        ("2001:db8:1:2:3:4:5:6", "2001:db8:1:2::/64"),
        ("2001:db8:1:2:ffff::1", "2001:db8:1:2::/64"),
        ("local", "local"),
    ],
)
def test_all_addresses_of_one_ipv6_customer_are_counted_as_one(address: str, network: str) -> None:
    assert customer_network(address) == network


@pytest.mark.parametrize(
    ("proxies", "address"), [("", "127.0.0.1"), ("127.0.0.1", "198.51.100.9"), ("192.0.2.1", "127.0.0.1")]
)
async def test_a_route_finds_the_address_in_the_state_of_its_request(proxies: str, address: str) -> None:
    api = _telling_api(HttpDoor(trusted_proxies=TrustedProxies.listed(proxies)))

    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://example.test") as http:
        answer = await http.get("/address", headers={"X-Forwarded-For": "198.51.100.9"})

    assert answer.json() == address


def _telling_api(door: HttpDoor) -> FastAPI:
    api = create_api(title="Example", service="example", clock=SystemClock(), ready_checks=[], door=door)

    @api.get("/address")
    async def address(request: Request) -> str:
        return str(request.state.client_address)

    return api
