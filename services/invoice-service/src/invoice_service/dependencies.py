"""What the routes are given: made once by a way in, found by the routes on ``app.state.dependencies``."""

from dataclasses import dataclass
from typing import Annotated

from fastapi import Depends, Request
from service_kit.clock import Clock
from service_kit.database import Database

from invoice_service.domain.page_token import make_page_token
from invoice_service.tables.invoices import Invoice


@dataclass(frozen=True)
class PageAddress:
    """Makes the durable address of an invoice's page."""

    public_url: str
    secret: str

    def of(self, invoice: Invoice) -> str:
        token = make_page_token(
            secret=self.secret,
            organization_id=invoice.organization_id,
            invoice_id=invoice.id,
            generation=invoice.page_generation,
        )
        return f"{self.public_url.rstrip('/')}/i/{token}"


@dataclass(frozen=True)
class Dependencies:
    database: Database
    clock: Clock
    page_address: PageAddress
    api_key_pepper: str
    service_token_secret: str


def _of(request: Request) -> Dependencies:
    found = request.app.state.dependencies
    if not isinstance(found, Dependencies):
        raise TypeError("app.state.dependencies is not set")
    return found


Parts = Annotated[Dependencies, Depends(_of)]
