"""What users do while the product dies under them: four invoices, told from outside, each with its expected end.

Every request carries an idempotency key and is repeated until it is answered, as a careful client would.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import httpx
from service_kit.testing.waiting import NeverHappened

from tests.chaos.world import World, new_key, pause

Json = dict[str, Any]
PATIENCE_SECONDS = 45.0
_RETRY_SECONDS = 0.15
_NOT_NOW = frozenset({500, 502, 503, 504})

# 3 x 40.00 at 19 % VAT: 120.00 + 22.80 = 142.80. By hand 42.80 of it, so the second link asks for 100.00.
LINES = [
    {
        "description": "Chaos consulting",
        "quantity": "3",
        "unit": "hour",
        "unit_price": "40.00",
        "taxes": [{"category": "S", "rate": "19", "name": "VAT"}],
    }
]
TOTAL_MINOR = 14280
BY_HAND_MINOR = 4280
LEFT_MINOR = 10000


@dataclass(frozen=True)
class Client:
    """Talks to the API of whatever life is there."""

    world: World
    api_key: str

    async def write(self, method: str, path: str, body: Json, *, expect: frozenset[int] = frozenset()) -> Json:
        """Repeat one write under one key until it is answered. ``expect`` adds statuses that are answers too."""
        headers = {"Idempotency-Key": new_key()}
        return await self._until_answered(method, path, body, headers, expect)

    async def read(self, path: str) -> Json:
        return await self._until_answered("GET", path, None, {}, frozenset())

    async def until(self, path: str, wanted: Callable[[Json], Any], what: str) -> Json:
        loop = asyncio.get_running_loop()
        limit = loop.time() + PATIENCE_SECONDS
        while loop.time() < limit:
            seen = await self.read(path)
            if wanted(seen):
                return seen
            await pause(_RETRY_SECONDS)
        raise NeverHappened(f"{what}; at last it was {_essence(seen)}; not done: {await self.world.not_done()}")

    async def _until_answered(
        self, method: str, path: str, body: Json | None, headers: dict[str, str], expect: frozenset[int]
    ) -> Json:
        loop = asyncio.get_running_loop()
        limit = loop.time() + PATIENCE_SECONDS
        while True:
            try:
                async with httpx.AsyncClient(base_url=self.world.api_url, timeout=10, trust_env=False) as client:
                    authorization = {"Authorization": f"Bearer {self.api_key}"}
                    answer = await client.request(method, path, json=body, headers={**headers, **authorization})
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code not in _NOT_NOW:
                if answer.is_success or answer.status_code in expect:
                    told: Json = answer.json()
                    return told
                raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            if loop.time() > limit:
                raise NeverHappened(f"{method} {path} was never answered")
            await pause(_RETRY_SECONDS)


Story = Callable[[Client], Awaitable["Told"]]


@dataclass
class Told:
    """How one story ended: its invoice, its mail address, and how much it should have brought in by Stripe."""

    invoice_id: str
    address: str
    by_stripe_minor: int
    by_hand_minor: int
    headline: str
    seen: Json = field(default_factory=dict)


async def tell(client: Client, stories: Sequence[Story]) -> list[Told]:
    """The stories side by side, so that one death interrupts several of them."""
    return list(await asyncio.gather(*(story(client) for story in stories)))


async def paid_by_stripe(client: Client) -> Told:
    invoice_id, address = await _sent(client, "stripe")
    link = await _active_link(client, invoice_id, attempt=1)
    await _pay(client, link)
    seen = await _headline(client, invoice_id, "paid")
    return Told(invoice_id, address, TOTAL_MINOR, 0, "paid", seen)


async def paid_by_hand(client: Client) -> Told:
    invoice_id, address = await _sent(client, "manual")
    await _pay_by_hand(client, invoice_id, TOTAL_MINOR)
    seen = await _headline(client, invoice_id, "paid")
    return Told(invoice_id, address, 0, TOTAL_MINOR, "paid", seen)


async def voided(client: Client) -> Told:
    invoice_id, address = await _sent(client, "stripe")
    await _active_link(client, invoice_id, attempt=1)
    await client.write("POST", f"/v1/invoices/{invoice_id}/void", {"reason": "ordered twice"})
    seen = await _headline(client, invoice_id, "void")
    return Told(invoice_id, address, 0, 0, "void", seen)


async def paid_in_two_parts(client: Client) -> Told:
    invoice_id, address = await _sent(client, "stripe")
    await _active_link(client, invoice_id, attempt=1)
    await _pay_by_hand(client, invoice_id, BY_HAND_MINOR)
    link = await _active_link(client, invoice_id, attempt=2)
    await _pay(client, link)
    seen = await _headline(client, invoice_id, "paid")
    return Told(invoice_id, address, LEFT_MINOR, BY_HAND_MINOR, "paid", seen)


def _essence(seen: Json) -> Json:
    return {
        name: seen.get(name) for name in ("status", "headline", "number", "link", "balance", "document", "deliveries")
    }


ALL_STORIES: tuple[Story, ...] = (paid_by_stripe, paid_by_hand, voided, paid_in_two_parts)
BUSY_STORIES: tuple[Story, ...] = (voided, paid_in_two_parts)
"""Between them they reach every boundary that all of them reach."""


async def _sent(client: Client, method: str) -> tuple[str, str]:
    address = f"{new_key()}@customer.example"
    customer = await client.write("POST", "/v1/customers", {"name": "Ada Chaos", "email": address})
    draft = await client.write(
        "POST",
        "/v1/invoices",
        {"customer_id": customer["id"], "currency": "EUR", "collection_method": method, "lines": LINES},
    )
    await client.write("POST", f"/v1/invoices/{draft['id']}/send", {})
    return str(draft["id"]), address


async def _active_link(client: Client, invoice_id: str, *, attempt: int) -> str:
    seen = await client.until(
        f"/v1/invoices/{invoice_id}",
        lambda invoice: invoice["link"]["status"] == "active" and invoice["link"]["attempt"] == attempt,
        f"link {attempt} of {invoice_id}",
    )
    return str(seen["link"]["url"]).rstrip("/").rpartition("/")[2]


async def _pay(client: Client, link: str) -> None:
    await client.world.sandbox("POST", f"/_sandbox/pay/{link}", {})


async def _pay_by_hand(client: Client, invoice_id: str, amount_minor: int) -> None:
    body = {"amount_minor": amount_minor, "reference": "bank transfer"}
    await client.write("POST", f"/v1/invoices/{invoice_id}/payments", body)


async def _headline(client: Client, invoice_id: str, headline: str) -> Json:
    return await client.until(
        f"/v1/invoices/{invoice_id}", lambda invoice: invoice["headline"] == headline, f"{invoice_id} {headline}"
    )
