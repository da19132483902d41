"""What the people of one organisation, its customers and Stripe do, in the words of the stories."""

import secrets
from dataclasses import dataclass
from email.message import EmailMessage
from typing import Any

import httpx

from deploy.demo.api import InvoiceApi, Json
from deploy.demo.inbox import received
from deploy.demo.journey import Addresses
from deploy.demo.waiting import until

LINE = {"description": "Workshop", "quantity": "1", "unit_price": "100.00"}


@dataclass(frozen=True)
class Organization:
    api: InvoiceApi
    addresses: Addresses

    async def connect_stripe(self) -> None:
        await self.api.put("/v1/settings/stripe/secret-key", {"secret_key": self.addresses.stripe_key})
        await until(
            lambda: self.api.get("/v1/settings/stripe"), lambda seen: seen["status"] == "ready", what="the connection"
        )

    async def draft(self, *, method: str, **fields: Any) -> Json:
        """One line of 100.00 EUR without tax, for a customer with an address that nobody else has."""
        email = f"{secrets.token_hex(5)}@customer.example"
        customer = await self.api.post("/v1/customers", {"name": "Customer", "email": email})
        wanted = {"customer_id": customer["id"], "collection_method": method, "currency": "EUR", "lines": [LINE]}
        return {**await self.api.post("/v1/invoices", {**wanted, **fields}), "email": email}

    async def send(self, *, method: str, **fields: Any) -> Json:
        """The sent invoice as the API answered, with ``email``, its recipient."""
        draft = await self.draft(method=method, **fields)
        return {**await self.api.post(f"/v1/invoices/{draft['id']}/send", {}), "email": draft["email"]}

    async def send_by_stripe(self, **fields: Any) -> Json:
        """Sent, with its link active."""
        sent = await self.send(method="stripe", **fields)
        return {**await self.seen(sent["id"], link="active"), "email": sent["email"]}

    async def invoice(self, invoice_id: str) -> Json:
        return await self.api.get(f"/v1/invoices/{invoice_id}")

    async def seen(
        self, invoice_id: str, *, seconds: float = 60, link: str = "", attempt: int = 0, **facts: Any
    ) -> Json:
        """Wait until the invoice shows these ``facts``, its link this status and attempt."""

        def is_there(invoice: Json) -> bool:
            shown = invoice["link"]
            has_link = link in ("", shown["status"]) and attempt in (0, shown["attempt"])
            return has_link and all(invoice[name] == value for name, value in facts.items())

        what = f"{invoice_id} with link {link or 'any'} {attempt or ''} and {facts}"
        return await until(lambda: self.invoice(invoice_id), is_there, what=what)

    async def mails_to(self, email: str, *, count: int = 1) -> list[EmailMessage]:
        async def look() -> list[EmailMessage]:
            return [mail for mail in await received(self.addresses.inbox) if email in str(mail["to"])]

        return await until(look, lambda seen: len(seen) >= count, what=f"{count} mails to {email}")

    async def sandbox(self, method: str, path: str, body: Any = None) -> httpx.Response:
        """One of the sandbox's control routes."""
        async with httpx.AsyncClient(base_url=self.addresses.sandbox, timeout=30, trust_env=False) as client:
            return await client.request(method, f"/_sandbox{path}", json=body)

    async def paid_at_stripe(self, invoice_id: str) -> list[int]:
        """What the sandbox's ledger says was paid for this invoice, in Stripe's minor units."""
        books = (await self.sandbox("GET", "/ledger")).raise_for_status().json()
        paid = [row for account in books["accounts"].values() for row in account["sessions_paid"]]
        return [row["amount_total"] for row in paid if row["metadata"].get("invoice_id") == invoice_id]


def link_id(invoice: Json) -> str:
    """Stripe's id of the invoice's link: the last part of its address."""
    return str(invoice["link"]["url"]).rsplit("/", 1)[1]
