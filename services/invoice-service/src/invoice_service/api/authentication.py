"""Who calls: an API key or a person's session becomes an organisation, an actor and permissions, or 401 or 403.

Every wrong key and every dead session gets the same answer in the same way, so nothing can be learnt from trying.
"""

from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from datetime import timedelta
from typing import Annotated, Any
from uuid import UUID

from contracts.ids import format_id
from fastapi import Depends, Request
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from service_kit import correlation
from service_kit.errors import Unauthenticated

from invoice_service.api.person_sessions import find_signed_in, organization_of
from invoice_service.api.request_limits import limit_caller, limit_stranger
from invoice_service.api.session_cookie import SessionCookie
from invoice_service.dependencies import Dependencies, Parts
from invoice_service.domain.actors import Actor, ActorKind
from invoice_service.domain.api_keys import key_proof, proofs_match, read_key_text
from invoice_service.domain.permissions import OF_ROLE, NotAllowed, Permission, permissions_of_scopes, who_may
from invoice_service.queries.organizations import KeyFacts, find_api_key, touch_api_key

USE_NOTED_EVERY = timedelta(hours=1)
_NOBODY = bytes(32)
_bearer = HTTPBearer(auto_error=False, scheme_name="ApiKey", description="An API key: `ic_live_…` or `ic_test_…`.")


@dataclass(frozen=True)
class Caller:
    """``permissions`` are those in this one organisation."""

    organization_id: UUID
    who: Actor
    permissions: frozenset[Permission]

    @property
    def actor(self) -> str:
        """The id of the key or person, as it stands in events and ledger entries."""
        return self.who.id


async def authenticate(*, parts: Dependencies, text: str, request: Request) -> Caller:
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
    who = actor_from(request, kind=ActorKind.API_KEY, actor=format_id("key", claim.key_id), name=facts.name)
    return Caller(facts.organization_id, who, permissions_of_scopes(facts.scopes))


def actor_from(request: Request, *, kind: ActorKind, actor: str, name: str) -> Actor:
    """With what the request itself says of where it comes from."""
    return Actor(
        kind=kind,
        id=actor,
        name=name,
        address=str(getattr(request.state, "client_address", "")),
        user_agent=request.headers.get("user-agent", ""),
        request_id=str(getattr(request.state, "request_id", "")),
    )


def needs(permission: Permission) -> Any:
    """For ``Annotated[Caller, needs(Permission.INVOICES_READ)]``."""
    return Depends(CallerWith(permission))


def _usable(facts: KeyFacts) -> bool:
    return facts.revoked_at is None and (facts.expires_at is None or facts.expires_at > facts.now)


async def _note_use(parts: Dependencies, facts: KeyFacts, key_id: UUID) -> None:
    """Coarse on purpose: one write an hour, not one a request."""
    if facts.last_used_at is None or facts.now - facts.last_used_at >= USE_NOTED_EVERY:
        async with parts.database.transaction(organization_id=facts.organization_id) as session:
            await touch_api_key(session, organization_id=facts.organization_id, key_id=key_id, now=facts.now)


def _refused() -> Unauthenticated:
    return Unauthenticated("send a valid API key as 'Authorization: Bearer ic_…', or sign in")


@dataclass(frozen=True)
class CallerWith:
    """The dependency of a route; ``permission`` is what it asks for, to be seen from outside as well."""

    permission: Permission

    async def __call__(
        self,
        request: Request,
        parts: Parts,
        cookie: SessionCookie,
        credentials: Annotated[HTTPAuthorizationCredentials | None, Depends(_bearer)],
    ) -> AsyncIterator[Caller]:
        await limit_stranger(request, parts)
        try:
            found = await _found(request, parts, key=credentials.credentials if credentials else "", cookie=cookie)
        except Unauthenticated:
            await limit_stranger(request, parts, failed=True)
            raise
        await limit_caller(request, parts, caller=found.actor)
        if self.permission not in found.permissions:
            raise NotAllowed(who_may(self.permission), facts={"permission": self.permission.value})
        with correlation.bound(replace(correlation.current(), actor=found.actor)):
            yield found


async def _found(request: Request, parts: Dependencies, *, key: str, cookie: str) -> Caller:
    """A key decides alone: a browser that sends one is a program."""
    if key or not cookie:
        return await authenticate(parts=parts, text=key, request=request)
    person = await find_signed_in(request, parts, cookie=cookie)
    member = organization_of(request, person)
    who = actor_from(request, kind=ActorKind.PERSON, actor=format_id("usr", person.user_id), name=person.email)
    return Caller(member.organization_id, who, OF_ROLE[member.role])
