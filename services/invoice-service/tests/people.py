"""People with memberships and a live session, made directly in the tables: what a browser that signed in would hold."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
from contracts.ids import format_id
from invoice_service.api.person_sessions import CSRF_HEADER, ORGANIZATION_HEADER
from invoice_service.dependencies import Dependencies
from invoice_service.domain.account_secrets import Purpose, new_secret_text
from invoice_service.domain.email_addresses import email_key
from invoice_service.domain.permissions import Role
from invoice_service.queries.people import set_person
from invoice_service.tables.people import Membership, User, UserSession
from service_kit.database import app_now, set_organization
from service_kit.identifiers import new_id

Json = dict[str, Any]


@dataclass(frozen=True)
class SignedInPerson:
    """``organization_id`` is named in each request; None sends none, for a person of one organisation or of several."""

    user_id: UUID
    session_id: UUID
    email: str
    cookie: str
    csrf_token: str
    http: httpx.AsyncClient
    organization_id: UUID | None = None

    @property
    def id(self) -> str:
        return format_id("usr", self.user_id)

    async def send(
        self, method: str, path: str, body: Any = None, *, without: str = "", **headers: str
    ) -> httpx.Response:
        """As the console would. Header names with underscores; ``without`` leaves one header of ours out."""
        ours = {"Cookie": f"__Host-ic_session={self.cookie}", CSRF_HEADER: self.csrf_token}
        if self.organization_id is not None:
            ours[ORGANIZATION_HEADER] = format_id("org", self.organization_id)
        kept = {name: value for name, value in ours.items() if name != without}
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return await self.http.request(method, path, json=body, headers={**kept, **named})

    async def get(self, path: str) -> Json:
        response = await self.send("GET", path)
        assert response.status_code == 200, response.text
        return dict(response.json())

    async def post(self, path: str, body: Any = None, **headers: str) -> Json:
        response = await self.send("POST", path, body, **headers)
        assert response.status_code in (200, 201, 202), response.text
        return dict(response.json())


async def person(
    parts: Dependencies,
    http: httpx.AsyncClient,
    *,
    memberships: Mapping[UUID, Role],
    email: str = "",
    name: str = "Anna Beispiel",
    organization_id: UUID | None = None,
) -> SignedInPerson:
    """A user without a password, a member of each of ``memberships``, with one session that began now."""
    user_id = new_id()
    address = email or f"anna.{user_id.hex[-12:]}@people.example.com"
    async with parts.database.transaction(organization_id=None) as session:
        now = await app_now(session)
        await set_person(session, user_id)
        session.add(
            User(id=user_id, email=address, email_key=email_key(address), name=name, created_at=now, updated_at=now)
        )
        await session.flush()
        for organization, role in memberships.items():
            await set_organization(session, organization)
            session.add(
                Membership(organization_id=organization, user_id=user_id, role=role, created_at=now, updated_at=now)
            )
            await session.flush()
    session_id, cookie = await new_session(parts, user_id=user_id)
    token = parts.accounts.secrets.token_for(Purpose.CSRF, cookie)
    return SignedInPerson(user_id, session_id, address, cookie, token, http, organization_id)


async def new_session(
    parts: Dependencies, *, user_id: UUID, address: str = "203.0.113.7", user_agent: str = "Tests"
) -> tuple[UUID, str]:
    """One more session of this person: its id and the text of its cookie."""
    text, session_id = new_secret_text(Purpose.SESSION), new_id()
    async with parts.database.transaction(organization_id=None) as session:
        now = await app_now(session)
        await set_person(session, user_id)
        session.add(
            UserSession(
                user_id=user_id,
                id=session_id,
                token_hmac=parts.accounts.secrets.proof(Purpose.SESSION, text),
                created_at=now,
                last_seen_at=now,
                expires_at=now + timedelta(seconds=parts.accounts.lifetime_seconds),
                address=address,
                user_agent=user_agent,
            )
        )
        await session.flush()
    return session_id, text
