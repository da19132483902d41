"""One long day with every kind of secret in it: used as it is meant to be, used wrongly, and typed into wrong places.

What happens is kept, with every secret that took part.
"""

import base64
import json
import secrets
import time
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

import httpx
from contracts.ids import parse_id

from deploy.demo.api import Json
from deploy.demo.payer import TEST_CARD
from deploy.demo.waiting import until
from tests.journeys.account_mails import mail_about
from tests.journeys.canaries import Canary, canary
from tests.journeys.people import House, Person, new_password, new_person, send_invoice
from tests.journeys.recorder import Recorder
from tests.journeys.stored_secrets import webhook_addresses
from tests.journeys.visitor import Visitor

READ_AT_THE_END = (
    "/account",
    "/v1/api-keys",
    "/v1/audit-log",
    "/v1/customers",
    "/v1/exports/audit-log",
    "/v1/exports/customers",
    "/v1/exports/invoices",
    "/v1/exports/payments",
    "/v1/invitations",
    "/v1/invoices",
    "/v1/members",
    "/v1/sessions",
    "/v1/settings/organization",
    "/v1/settings/stripe",
    "/v1/templates",
)


@dataclass
class Story:
    """``control`` is no secret: a name that must be found wherever we look, else we did not look.

    ``invited`` is the address of the one person who gets links by mail.
    """

    house: House
    recorder: Recorder
    control: str
    invited: str = ""
    canaries: list[Canary] = field(default_factory=list)

    def knows(self, kind: str, text: str) -> str:
        self.canaries.append(canary(kind, text))
        return text

    @property
    def organization_id(self) -> UUID:
        return parse_id("org", self.house.id)

    async def happen(self) -> None:
        owner = await self._owner_comes_in()
        await self._stripe_is_connected(owner)
        await self._api_keys_are_made_and_rolled(owner)
        accountant, visitor = await self._an_accountant_joins(owner)
        invoice = await self._an_invoice_is_paid(visitor)
        await self._the_password_is_forgotten(accountant)
        await Misuse(self).happen(owner, invoice)
        for path in READ_AT_THE_END:
            answer = await owner.call("GET", path)
            assert answer.status_code == 200, (path, answer.text[:300])
        await owner.press("Sign out everywhere", on="/account")

    async def _owner_comes_in(self) -> Visitor:
        owner = self.house.owner
        self.knows("mailed secret", self.house.addresses.owner.link.rpartition("/")[2])
        self.knows("password", owner.password)
        self.knows("API key", self.house.addresses.api_key)
        visitor = await self.house.first_owner()
        stranger = await self.house.visitor()
        wrong = self.knows("wrong password", new_password())
        assert (await stranger.sign_in(owner.email, wrong)).status_code == 401
        # Somebody whose cursor was in the wrong field.
        assert (await stranger.sign_in(self.knows("password typed as e-mail", new_password()), "x")).status_code == 401
        return visitor

    async def _stripe_is_connected(self, owner: Visitor) -> None:
        path, wrong = "/v1/settings/stripe/secret-key", self.knows("Stripe key", f"sk_test_{secrets.token_hex(12)}")
        async with httpx.AsyncClient(base_url=self.house.addresses.sandbox, trust_env=False) as sandbox:
            fault = {"kind": "api", "path": "/v1/account", "drop": "after"}
            (await sandbox.post("/_sandbox/faults", json=fault)).raise_for_status()
        key = self.knows("Stripe key", self.house.addresses.stripe_key)
        answers = [await owner.call("PUT", path, {"secret_key": one}) for one in (key, wrong, key)]
        assert [answer.status_code for answer in answers] == [503, 422, 200], [answer.text for answer in answers]

        async def picture() -> Json:
            shown: Json = (await owner.call("GET", "/v1/settings/stripe")).json()
            return shown

        await until(picture, lambda seen: seen["webhook_status"] == "active", what="the webhook")

    async def _api_keys_are_made_and_rolled(self, owner: Visitor) -> None:
        once = secrets.token_hex(8)
        body = {"name": "for the shop", "scopes": ["read", "write"]}
        made = await owner.call("POST", "/v1/api-keys", body, idempotency_key=once)
        again = await owner.call("POST", "/v1/api-keys", body, idempotency_key=once)
        rolled = await owner.call("POST", f"/v1/api-keys/{made.json()['id']}/roll", {})
        assert (made.status_code, again.json()["secret"], rolled.status_code) == (201, None, 201)
        for answer in (made, rolled):
            key = self.knows("API key", answer.json()["secret"])
            async with self.recorder.client(self.house.addresses.api) as shop:
                used = await shop.get("/v1/customers", headers={"Authorization": f"Bearer {key}"})
            assert used.status_code == 200

    async def _an_accountant_joins(self, owner: Visitor) -> tuple[Person, Visitor]:
        person, visitor = new_person("Ben Okafor"), await self.house.visitor()
        self.invited = person.email
        self.knows("password", person.password)
        link = await self.house.invite(owner, person, role="accountant")
        self.knows("mailed secret", link.rpartition("/")[2])
        refused = await visitor.press("Join", on=link, name=person.name, password=person.email)
        joined = await visitor.press("Join", on=link, name=person.name, password=person.password)
        assert (refused.status_code, joined.status_code) == (422, 303)
        return person, visitor

    async def _an_invoice_is_paid(self, accountant: Visitor) -> Json:
        email = f"{secrets.token_hex(5)}@customer.example"
        sent = await send_invoice(accountant, email=email, method="stripe", name=self.control)

        async def look() -> Json:
            shown: Json = (await accountant.call("GET", f"/v1/invoices/{sent['id']}")).json()
            return shown

        active = await until(look, lambda seen: seen["link"]["status"] == "active", what="the link")
        page = await accountant.http.get(sent["page_url"])
        assert page.status_code == 200
        link = active["link"]["url"].rsplit("/", 1)[1]
        async with httpx.AsyncClient(base_url=self.house.addresses.sandbox, trust_env=False) as payer:
            (await payer.post(f"/_sandbox/pay/{link}", json={"card": TEST_CARD})).raise_for_status()
        paid = await until(look, lambda seen: seen["payment_status"] == "paid", what="the payment")
        await mail_about(self.house.addresses.inbox, to=email, subject=sent["number"])
        return paid

    async def _the_password_is_forgotten(self, person: Person) -> None:
        visitor, chosen = await self.house.visitor(), self.knows("password", new_password())
        await visitor.press("Send link", on="/forgot-password", email=person.email)
        link = await self.house.reset_link(person)
        self.knows("mailed secret", link.rpartition("/")[2])
        await visitor.press("Save password", on=link, password=chosen)
        await self.house.signed_in(visitor, Person(email=person.email, name=person.name, password=chosen))
        await mail_about(self.house.addresses.inbox, to=person.email, subject="was changed")


@dataclass
class Misuse:
    """Requests that carry secrets where none belongs, to every door of the product."""

    story: Story

    @property
    def password(self) -> str:
        return self.story.house.owner.password

    @property
    def api_key(self) -> str:
        return self.story.house.addresses.api_key

    @property
    def stripe_key(self) -> str:
        return self.story.house.addresses.stripe_key

    @property
    def link(self) -> str:
        return self.story.house.addresses.owner.link.rpartition("/")[2]

    @property
    def whole_body(self) -> str:
        return json.dumps({"secret_key": [self.stripe_key, self.password, self.api_key, self.link]})

    async def happen(self, owner: Visitor, invoice: Json) -> None:
        await self._at_every_door()
        await self._with_a_good_key(invoice)
        await self._in_forms(owner)
        await self._in_forged_webhooks()

    async def _at_every_door(self) -> None:
        ports = self.story.house.instance.ports
        basic = base64.b64encode(f"{self.story.house.owner.email}:{self.password}".encode()).decode()
        for port in (
            ports.invoice_public, ports.invoice_private, ports.invoice_worker, ports.payment_public,
            ports.payment_private, ports.payment_worker, ports.notification_private, ports.notification_worker,
        ):  # fmt: skip
            async with self.story.recorder.client(f"http://127.0.0.1:{port}") as client:
                by_mail = "/internal/account-mails/mail_00000000000000000000000000/secret"
                for body in (self.whole_body, self.whole_body[:-3]):
                    await _post(client, "/v1/customers", body, authorization=f"Basic {basic}")
                    await _post(client, by_mail, body, authorization=f"Bearer {self.api_key}")
                    signature = f"t=1,v1={self.stripe_key}"
                    await _post(client, f"/webhooks/stripe/{self.link}", body, stripe_signature=signature)
                await client.get(f"/no/{self.link}/such-page", params={"key": self.api_key, "word": self.password})

    async def _with_a_good_key(self, invoice: Json) -> None:
        typed, key, stripe = self.password, self.api_key, "/v1/settings/stripe/secret-key"
        wrong: list[tuple[str, str, dict[str, Any]]] = [
            ("POST", "/v1/customers", {"json": {"name": {"typed": key}, "email": typed}}),
            ("POST", "/v1/customers", {"json": {"name": "x", "email": typed, "vat_id": [key]}}),
            ("POST", "/v1/invoices", {"json": {"customer_id": self.link, "currency": key}}),
            ("PUT", stripe, {"json": {"secret_key": key}}),
            ("PUT", stripe, {"json": {"secret_key": typed, "mode": key}}),
            ("PUT", stripe, {"json": {"secret_key": self.stripe_key + "x"}}),
            ("PUT", stripe, {"content": self.whole_body[:-3]}),
            ("POST", "/v1/api-keys", {"json": {"name": "x", "scopes": [key]}}),
            ("POST", "/v1/invitations", {"json": {"email": typed, "role": key}}),
            ("GET", f"/v1/invoices/{key}", {}),
            ("GET", "/v1/invoices", {"params": {"cursor": key, "status": typed, "sort": self.stripe_key}}),
            ("GET", "/v1/customers", {"params": {"q": typed, "limit": key}}),
            ("PATCH", f"/v1/invoices/{invoice['id']}", {"json": {"note": [key]}, "headers": {"If-Match": key}}),
        ]
        good = {"Authorization": f"Bearer {key}", "Content-Type": "application/json"}
        async with self.story.recorder.client(self.story.house.addresses.api) as client:
            for method, path, more in wrong:
                answer = await client.request(method, path, headers={**good, **more.pop("headers", {})}, **more)
                assert 400 <= answer.status_code < 500, (method, path, answer.text)

    async def _in_forms(self, owner: Visitor) -> None:
        """Without its token, of another kind, and with what no form has."""
        await owner.send("/sign-in", {"email": self.story.house.owner.email, "password": self.password})
        await owner.http.post("/sign-in", json={"password": self.password})
        await owner.send("/account/password", {"csrf_token": self.api_key, "password": self.password})
        await owner.http.get(f"/reset-password/{self.link[:-1]}x")

    async def _in_forged_webhooks(self) -> None:
        """Where Stripe really calls, by somebody who is not Stripe."""
        addresses = await webhook_addresses(self.story.house.instance, organization_id=self.story.organization_id)
        assert len(addresses) == 1
        async with self.story.recorder.client(self.story.house.instance.payment_url) as stranger:
            signature = f"t={int(time.time())},v1={self.stripe_key}"
            await _post(stranger, addresses[0], self.whole_body, stripe_signature=signature)
        assert self.story.recorder.answers[-1].status_code == 400


async def _post(client: httpx.AsyncClient, path: str, body: str, **headers: str) -> None:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    await client.post(path, content=body, headers={"Content-Type": "application/json", **named})
