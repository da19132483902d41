"""One builder per noun, with boring defaults and keyword overrides."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

import httpx
from invoice_service.actions.api_keys.create_api_key import create_api_key
from invoice_service.actions.organizations.create_organization import create_organization
from invoice_service.dependencies import Accounts, Dependencies
from invoice_service.domain.account_secrets import AccountSecrets
from invoice_service.domain.page_token import PageAddresses
from service_kit.clock import SystemClock
from service_kit.database import Database, app_now
from service_kit.identifiers import new_id

PEPPER = "pepper-of-the-tests-0123456789abcdef"
ACCOUNT_SECRET = "account-secret-of-the-tests-0123456789"
PAGE_SECRET = "page-secret-of-the-tests-0123456789"
SERVICE_SECRET = "service-secret-of-the-tests-0123456789"
PAYMENT_SECRET = "payment-service-secret-of-the-tests-0123456789"
PUBLIC_URL = "https://invoices.example.com"

Json = dict[str, Any]


def dependencies(database: Database, **overrides: Any) -> Dependencies:
    values: dict[str, Any] = {
        "database": database,
        "clock": SystemClock(),
        "pages": PageAddresses(public_url=PUBLIC_URL, secret=PAGE_SECRET),
        "accounts": Accounts(
            secrets=AccountSecrets(key=ACCOUNT_SECRET), origins=frozenset({PUBLIC_URL}), least_answer_seconds=0.0
        ),
        "api_key_pepper": PEPPER,
        "service_token_secret": SERVICE_SECRET,
        "payment_token_secret": PAYMENT_SECRET,
    }
    return Dependencies(**{**values, **overrides})


@dataclass(frozen=True)
class Account:
    """An organisation as its own software sees it: the API and a key."""

    organization_id: UUID
    key: str
    key_id: UUID
    http: httpx.AsyncClient
    database: Database

    async def send(self, method: str, path: str, body: Any = None, **headers: str) -> httpx.Response:
        """Header names with underscores: ``if_match='"1"'``."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(
            method, path, json=body, headers={"Authorization": f"Bearer {self.key}", **named}
        )

    async def get(self, path: str, **parameters: Any) -> Json:
        response = await self.http.get(path, params=parameters, headers={"Authorization": f"Bearer {self.key}"})
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def post(self, path: str, body: Any = None, **headers: str) -> Json:
        """The answer's body; fails the test when it is not a success."""
        response = await self.send("POST", path, body, **headers)
        assert response.status_code in (200, 201, 202), response.text
        return dict(response.json())

    async def customer(self, **overrides: Any) -> Json:
        return await self.post("/v1/customers", customer_body(**overrides))

    async def draft(self, **overrides: Any) -> Json:
        """A draft for a new customer, unless ``customer_id`` is given."""
        customer_id = overrides.pop("customer_id", None) or (await self.customer())["id"]
        return await self.post("/v1/invoices", draft_body(customer_id=customer_id, **overrides))


async def account(
    parts: Dependencies,
    http: httpx.AsyncClient,
    *,
    name: str = "Nordlicht Studio",
    email: str = "office@nordlicht.example.com",
    scopes: Sequence[str] = ("read", "write", "admin"),
    expires_in: timedelta | None = None,
    settings: Json | None = None,
) -> Account:
    organization_id = new_id()
    async with parts.database.transaction(organization_id=organization_id) as session:
        now = await app_now(session)
        organization = await create_organization(
            session, organization_id=organization_id, name=name, email=email, now=now
        )
        for field, value in {"time_zone": "Europe/Berlin", **(settings or {})}.items():
            setattr(organization, field, value)
        made = await create_api_key(
            session,
            organization_id=organization_id,
            name="tests",
            scopes=scopes,
            live=False,
            pepper=parts.api_key_pepper,
            now=now,
            expires_at=_expiry(now, expires_in),
        )
    return Account(organization_id, made.text, made.row.id, http, parts.database)


def _expiry(now: datetime, expires_in: timedelta | None) -> datetime | None:
    return None if expires_in is None else now + expires_in


def customer_body(**overrides: Any) -> Json:
    body: Json = {
        "name": "Acme GmbH",
        "contact_name": "Anna Beispiel",
        "email": "ap@acme.example.com",
        "address": {"line1": "Hauptstr. 1", "postal_code": "10115", "city": "Berlin", "country": "DE"},
    }
    return {**body, **overrides}


def line_body(**overrides: Any) -> Json:
    """Two days at 100.00 with 19 % VAT: 200.00 net, 238.00 gross."""
    body: Json = {
        "description": "Consulting",
        "quantity": "2",
        "unit": "day",
        "unit_price": "100.00",
        "taxes": [{"category": "S", "rate": "19", "name": "VAT"}],
    }
    return {**body, **overrides}


def draft_body(*, customer_id: str, **overrides: Any) -> Json:
    return {"customer_id": customer_id, "title": "Work in November", "lines": [line_body()], **overrides}
