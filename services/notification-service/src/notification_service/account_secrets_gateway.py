"""The only door to the secrets of account mails: each call mints one, which lives in memory until its mail is sent.

No address that comes through it may be stored, logged or told: not here, not in an error, not in a ``repr``.
"""

import asyncio
from dataclasses import dataclass, field
from datetime import datetime
from typing import Protocol
from uuid import UUID

import httpx
from contracts.ids import format_id
from pydantic import AwareDatetime, BaseModel, ConfigDict, ValidationError
from service_kit.errors import Unavailable

from notification_service.domain.web_addresses import UnusableWebAddress, usable_web_address
from notification_service.invoice_access import TOTAL_SECONDS, InvoiceAccess, limited

ANSWER_BYTES_MAX = 16 * 1024
MOOT = "account-mail-moot"


class AccountMailUnknown(Exception):
    """invoice-service does not know the mail."""


class AccountMailMoot(Exception):
    """The mail has no purpose any more: revoked, accepted, used or overtaken. It is not to be sent."""


class UnusableSecret(Exception):
    """The answer is not an address that a mail may lead to."""


@dataclass(frozen=True)
class AccountSecret:
    """``url`` is what the mail's button opens, and good until ``expires_at``."""

    url: str = field(repr=False)
    expires_at: datetime


class AccountSecretDoor(Protocol):
    async def mint(self, mail_id: UUID, *, organization_id: UUID) -> AccountSecret:
        """Another secret for this mail; earlier ones stay good, so it is safe to repeat.

        Raises `AccountMailUnknown`, `AccountMailMoot`, `UnusableSecret`, and `service_kit.errors.Unavailable` for
        everything that may pass.
        """
        ...


class _Minted(BaseModel):
    model_config = ConfigDict(hide_input_in_errors=True)

    url: str
    expires_at: AwareDatetime


class _Refusal(BaseModel):
    code: str = ""


class AccountSecretsGateway:
    def __init__(self, access: InvoiceAccess) -> None:
        self._access = access

    async def mint(self, mail_id: UUID, *, organization_id: UUID) -> AccountSecret:
        name = format_id("mail", mail_id)
        status, body = await self._ask(name, organization_id=organization_id)
        if status == httpx.codes.OK:
            return _secret(name, body)
        if status == httpx.codes.NOT_FOUND:
            raise AccountMailUnknown(f"invoice-service does not know {name}")
        if status == httpx.codes.CONFLICT and _code(body) == MOOT:
            raise AccountMailMoot(f"{name} has no purpose any more")
        raise Unavailable(f"invoice-service answered {status} for the secret of {name}")

    async def _ask(self, name: str, *, organization_id: UUID) -> tuple[int, bytes]:
        headers = self._access.headers(organization_id=organization_id)
        path = f"/internal/account-mails/{name}/secret"
        try:
            async with (
                asyncio.timeout(TOTAL_SECONDS),
                self._access.client.stream("POST", path, headers=headers) as answer,
            ):
                return answer.status_code, await limited(answer, limit=ANSWER_BYTES_MAX)
        except (httpx.HTTPError, TimeoutError) as problem:
            raise Unavailable(f"invoice-service does not answer: {type(problem).__name__}") from problem


def _secret(name: str, body: bytes) -> AccountSecret:
    try:
        minted = _Minted.model_validate_json(body[: ANSWER_BYTES_MAX + 1])
        return AccountSecret(url=usable_web_address(minted.url), expires_at=minted.expires_at)
    except (ValidationError, UnusableWebAddress):
        raise UnusableSecret(f"invoice-service answered for {name} with something that no mail may lead to") from None


def _code(body: bytes) -> str:
    try:
        return _Refusal.model_validate_json(body).code
    except ValidationError:
        return ""
