"""Organisations with people who have passwords, and what our pages and the worker do for them."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta
from functools import cache
from typing import Any
from uuid import UUID

from argon2 import PasswordHasher
from contracts.events.accounts import AccountMailKind
from fastapi import FastAPI
from invoice_service.actions.people.create_owner import link_for_owner
from invoice_service.actions.people.mint_account_secret import mint_account_secret
from invoice_service.actions.people.request_account_mail import request_account_mail
from invoice_service.app import create_public_app
from invoice_service.dependencies import Dependencies
from invoice_service.domain.email_addresses import email_key
from invoice_service.domain.permissions import Role
from invoice_service.password_gateway import Passwords
from invoice_service.queries.people import set_person
from invoice_service.tables.people import Invitation, Membership, User
from invoice_tests.browser import Browser
from invoice_tests.make import PUBLIC_URL
from service_kit.database import app_now, set_organization
from service_kit.identifiers import new_id
from service_kit.testing.databases import ServiceDatabase

PASSWORD = "orchard kettle seventeen"
OTHER_PASSWORD = "velvet harbour ninety two"
JOHANNA = "johanna@nordlicht.example.com"


class CountingPasswords(Passwords):
    """The real ones, which also note each password that was looked at, and how many new ones were judged."""

    def __init__(self) -> None:
        super().__init__()
        self.verified: list[bool] = []
        self.judged = 0

    async def verify(self, *, password: str, stored: str | None) -> bool:
        matched = await super().verify(password=password, stored=stored)
        self.verified.append(matched)
        return matched

    async def check_new(self, password: str, *, words: Iterable[str], pointer: str = "/password") -> None:
        self.judged += 1
        await super().check_new(password, words=words, pointer=pointer)


@cache
def hash_of(password: str) -> str:
    """Under today's parameters, made once for the whole test run."""
    return PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1).hash(password)


@dataclass(frozen=True)
class House:
    """One installation with its pages."""

    parts: Dependencies
    app: FastAPI
    postgres: ServiceDatabase
    passwords: CountingPasswords

    def browser(self, *, address: str = "198.51.100.7", user_agent: str = "Tests/1.0") -> Browser:
        return Browser(self.app, address=address, user_agent=user_agent)

    async def person(
        self,
        *,
        memberships: Mapping[UUID, Role],
        email: str = JOHANNA,
        name: str = "Johanna Hellström",
        password_hash: str | None = "",
    ) -> UUID:
        """With `PASSWORD`, unless another hash is given."""
        user_id = new_id()
        stored = hash_of(PASSWORD) if password_hash == "" else password_hash
        async with self.parts.database.transaction(organization_id=None) as session:
            now = await app_now(session)
            await set_person(session, user_id)
            session.add(
                User(
                    id=user_id,
                    email=email,
                    email_key=email_key(email),
                    name=name,
                    password_hash=stored,
                    password_changed_at=now if stored else None,
                    created_at=now,
                    updated_at=now,
                )
            )
            await session.flush()
            for organization, role in memberships.items():
                await set_organization(session, organization)
                session.add(
                    Membership(organization_id=organization, user_id=user_id, role=role, created_at=now, updated_at=now)
                )
                await session.flush()
        return user_id

    async def reset_link(self, organization_id: UUID, *, email: str = JOHANNA) -> str:
        """The path of a good link, as the operator's command makes it."""
        async with self.parts.database.transaction(organization_id=organization_id) as session:
            minted = await link_for_owner(
                session,
                organization_id=organization_id,
                email=email,
                secrets=self.parts.accounts.secrets,
                now=await app_now(session),
            )
        return f"/reset-password/{minted.text}"

    async def mailed_link(self, organization_id: UUID, mail_id: UUID) -> str:
        """What notification-service would be told to put into this mail, as a path."""
        async with self.parts.database.transaction(organization_id=organization_id) as session:
            minted = await mint_account_secret(
                session,
                organization_id=organization_id,
                mail_id=mail_id,
                secrets=self.parts.accounts.secrets,
                now=await app_now(session),
            )
        return minted.address(public_url=PUBLIC_URL).removeprefix(PUBLIC_URL)

    async def invite(self, organization_id: UUID, *, email: str, role: Role = Role.ACCOUNTANT) -> str:
        """The path of the link that the invitation's mail brings."""
        invitation_id, mail_id = new_id(), new_id()
        async with self.parts.database.transaction(organization_id=organization_id) as session:
            now = await app_now(session)
            session.add(
                Invitation(
                    organization_id=organization_id,
                    id=invitation_id,
                    email=email,
                    email_key=email_key(email),
                    role=role,
                    invited_by="usr_test",
                    inviter_name="Johanna Hellström",
                    created_at=now,
                    expires_at=now + timedelta(hours=72),
                    mail_id=mail_id,
                )
            )
            await session.flush()
            await request_account_mail(
                session,
                organization_id=organization_id,
                kind=AccountMailKind.INVITATION,
                to=email,
                language="en",
                good_for_seconds=72 * 3600,
                sign_in_url=f"{PUBLIC_URL}/sign-in",
                now=now,
                invitation_id=invitation_id,
                mail_id=mail_id,
            )
        return await self.mailed_link(organization_id, mail_id)

    async def mails(self, kind: AccountMailKind) -> list[dict[str, Any]]:
        rows = await self.postgres.fetch(
            "select id, organization_id from invoice.account_mails where kind = $1 order by created_at, id", kind.value
        )
        return [dict(row) for row in rows]

    async def mails_asked_for(self) -> int:
        """Of any kind, through the outbox."""
        rows = await self.postgres.fetch(
            "select 1 from invoice.outbox where type = 'invoice.account_mail_requested.v1'"
        )
        return len(rows)

    async def audited(self, organization_id: UUID) -> list[str]:
        rows = await self.postgres.fetch(
            "select action from invoice.audit_log where organization_id = $1 order by at, id", organization_id
        )
        return [row["action"] for row in rows]

    async def forget_waits(self) -> None:
        """As if an hour and more had passed since the last try."""
        await self.postgres.fetch("delete from invoice.sign_in_failures")

    async def rows_with(self, secret: str, tables: Iterable[str]) -> list[str]:
        """Names of the tables that hold ``secret`` anywhere."""
        found = []
        for table in tables:
            rows = await self.postgres.fetch(f"select to_jsonb(t)::text as row from invoice.{table} t")
            if any(secret in row["row"] for row in rows):
                found.append(table)
        return found


def house(parts: Dependencies, postgres: ServiceDatabase) -> House:
    passwords = CountingPasswords()
    counted = replace(parts, accounts=replace(parts.accounts, passwords=passwords))
    return House(parts=counted, app=create_public_app(counted), postgres=postgres, passwords=passwords)
