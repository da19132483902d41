"""What the routes are given: made once by a way in, found by the routes on ``app.state.dependencies``."""

from dataclasses import dataclass, field
from typing import Annotated

from fastapi import Depends, Request
from service_kit.clock import Clock
from service_kit.database import Database

from invoice_service.domain.account_secrets import AccountSecrets
from invoice_service.domain.page_token import PageAddresses
from invoice_service.export_slots import ExportSlots
from invoice_service.password_gateway import Passwords
from invoice_service.request_quotas import RequestQuotas, quotas_of

SESSION_IDLE_SECONDS = 8 * 3600
SESSION_LIFETIME_SECONDS = 7 * 86_400
LEAST_ANSWER_SECONDS = 0.5


@dataclass(frozen=True)
class Accounts:
    """How people sign in. ``secure`` is False only for plain http on this machine; ``origins`` are our own pages'.

    ``least_answer_seconds`` is how long a refused sign-in and the request for a reset take at least.
    """

    secrets: AccountSecrets
    origins: frozenset[str]
    secure: bool = True
    idle_seconds: int = SESSION_IDLE_SECONDS
    lifetime_seconds: int = SESSION_LIFETIME_SECONDS
    least_answer_seconds: float = LEAST_ANSWER_SECONDS
    passwords: Passwords = field(default_factory=Passwords)


@dataclass(frozen=True)
class Dependencies:
    database: Database
    clock: Clock
    pages: PageAddresses
    accounts: Accounts
    api_key_pepper: str = field(repr=False)
    service_token_secret: str = field(repr=False)
    """What callers of this service sign with."""
    payment_token_secret: str = field(repr=False)
    """What callers of payment-service sign with."""
    payment_service_url: str = "http://127.0.0.1:8102"
    """Its private listener."""
    live_keys: bool = False
    """Whether new API keys say that they are live."""
    limits: RequestQuotas = field(default_factory=quotas_of)
    exports: ExportSlots = field(default_factory=ExportSlots)


def _of(request: Request) -> Dependencies:
    found = request.app.state.dependencies
    if not isinstance(found, Dependencies):
        raise TypeError("app.state.dependencies is not set")
    return found


Parts = Annotated[Dependencies, Depends(_of)]
