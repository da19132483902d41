"""What users do while the product dies under them: four invoices, told from outside, each with its expected end.

They go on asking until some life answers, as `tests.chaos.client` does.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field

from tests.chaos.client import Client, Json
from tests.chaos.organizations import connect_stripe, new_organization
from tests.chaos.world import new_key

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


async def connected_anew(client: Client) -> Told:
    """Another organisation sets its first key while everything else goes on, and is paid through it."""
    newcomer = await new_organization(client.world)
    await connect_stripe(newcomer)
    return await paid_by_stripe(newcomer)


ALL_STORIES: tuple[Story, ...] = (connected_anew, paid_by_stripe, paid_by_hand, voided, paid_in_two_parts)
BUSY_STORIES: tuple[Story, ...] = (voided, paid_in_two_parts)
"""Between them they reach every boundary but those of setting a key."""


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
