"""Who calls: a bearer API key becomes an organisation, an actor and scopes, or the request ends with 401 or 403.

Every wrong key gets the same answer in the same way, so nothing can be learnt from trying.
"""

from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated
from uuid import UUID

from contracts.ids import format_id
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from service_kit import correlation
from service_kit.errors import DomainError, ErrorKind, Unauthenticated

from invoice_service.dependencies import Dependencies, Parts
from invoice_service.domain.api_keys import READ, WRITE, key_proof, proofs_match, read_key_text
from invoice_service.queries.organizations import KeyFacts, find_api_key, touch_api_key

USE_NOTED_EVERY = timedelta(hours=1)
_NOBODY = bytes(32)
_bearer = HTTPBearer(auto_error=False, scheme_name="ApiKey", description="An API key: `ic_live_…` or `ic_test_…`.")


class ScopeMissing(DomainError):
    slug = "scope-missing"
    kind = ErrorKind.FORBIDDEN
    title = "The API key may not do this"


@dataclass(frozen=True)
class Caller:
    """``actor`` is the id of the key, as it stands in logs, events and ledger entries."""

    organization_id: UUID
    actor: str
    scopes: frozenset[str]


async def authenticate(*, parts: Dependencies, text: str) -> Caller:
    """Raises `Unauthenticated` for a key that is unknown, wrong, expired or revoked, without saying which."""
    claim = read_key_text(text)
    if claim is None:
        raise _refused()
    async with parts.database.transaction(organization_id=None) as session:
        facts = await find_api_key(session, key_id=claim.key_id)
    proof = key_proof(text=text, pepper=parts.api_key_pepper)
    proven = proofs_match(facts.secret_hmac if facts else _NOBODY, proof)
    if facts is None or not proven or not _usable(facts):
        raise _refused()
    await _note_use(parts, facts, claim.key_id)
    return Caller(facts.organization_id, format_id("key", claim.key_id), facts.scopes)


def _usable(facts: KeyFacts) -> bool:
    return facts.revoked_at is None and (facts.expires_at is None or facts.expires_at > facts.now)


async def _note_use(parts: Dependencies, facts: KeyFacts, key_id: UUID) -> None:
    """Coarse on purpose: one write an hour, not one a request."""
    if facts.last_used_at is None or facts.now - facts.last_used_at >= USE_NOTED_EVERY:
        async with parts.database.transaction(organization_id=facts.organization_id) as session:
            await touch_api_key(session, organization_id=facts.organization_id, key_id=key_id, now=facts.now)


def _refused() -> Unauthenticated:
    return Unauthenticated("send a valid API key as 'Authorization: Bearer ic_…'")


def _caller_with(scope: str) -> Callable[..., AsyncIterator[Caller]]:
    async def caller(
        request: Request,
        parts: Parts,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> AsyncIterator[Caller]:
        found = await authenticate(parts=parts, text=credentials.credentials if credentials else "")
        if scope not in found.scopes:
            raise ScopeMissing(f"this needs the scope '{scope}'; use a key that has it")
        with correlation.bound(replace(correlation.current(), actor=found.actor)):
            yield found

    return caller


Reader = Annotated[Caller, Depends(_caller_with(READ))]
Writer = Annotated[Caller, Depends(_caller_with(WRITE))]
