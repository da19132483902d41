"""What the command line does about owners: making one, and a link for one who is locked out."""

from typing import Any
from uuid import UUID

from contracts.ids import format_id
from service_kit.database import Database, app_now
from service_kit.errors import DomainError, ErrorKind
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.people.account_desk import AccountDesk
from invoice_service.actions.people.create_owner import NewOwner, create_owner, link_for_owner
from invoice_service.actions.people.set_password import hash_new_password
from invoice_service.dependencies import SESSION_IDLE_SECONDS, SESSION_LIFETIME_SECONDS
from invoice_service.domain.account_secrets import AccountSecrets
from invoice_service.domain.people_names import check_person_name
from invoice_service.password_gateway import Passwords
from invoice_service.queries.organizations import find_organization

Answer = dict[str, Any]


class PasswordNotTaken(DomainError):
    slug = "password-not-taken"
    kind = ErrorKind.CONFLICT
    title = "The person has a password already"


def desk_by_hand(database: Database, *, account_secret: str, public_url: str) -> AccountDesk:
    return AccountDesk(
        database=database,
        secrets=AccountSecrets(key=account_secret),
        passwords=Passwords(),
        idle_seconds=SESSION_IDLE_SECONDS,
        lifetime_seconds=SESSION_LIFETIME_SECONDS,
        public_url=public_url.rstrip("/"),
    )


async def make_owner(
    session: AsyncSession, desk: AccountDesk, *, organization_id: UUID, email: str, name: str
) -> Answer:
    """With a link to choose a password, unless the person has one. The transaction's organisation is the one meant."""
    made = await create_owner(
        session,
        organization_id=organization_id,
        email=email,
        name=check_person_name(name),
        now=await app_now(session),
    )
    link = {} if made.has_password else await _link(session, desk, organization_id=organization_id, email=email)
    return {**_shown(desk, made, email), **link}


async def owner_with_link(desk: AccountDesk, *, organization_id: UUID, email: str, name: str) -> Answer:
    async with desk.database.transaction(organization_id=organization_id) as session:
        await find_organization(session, organization_id=organization_id)
        return await make_owner(session, desk, organization_id=organization_id, email=email, name=name)


async def owner_with_password(
    desk: AccountDesk, *, organization_id: UUID, email: str, name: str, password: str
) -> Answer:
    """Raises `PasswordRefused`, or `PasswordNotTaken` and makes nobody."""
    async with desk.database.transaction(organization_id=organization_id) as session:
        organization = await find_organization(session, organization_id=organization_id)
        stored = await hash_new_password(
            desk, password=password, email=email, name=name, organizations=[organization.name]
        )
        made = await create_owner(
            session,
            organization_id=organization_id,
            email=email,
            name=check_person_name(name),
            now=await app_now(session),
            password_hash=stored,
        )
        if not made.password_taken:
            raise PasswordNotTaken("make the owner without --password-stdin; they sign in with the password they have")
    return _shown(desk, made, email)


async def link_again(desk: AccountDesk, *, organization_id: UUID, email: str) -> Answer:
    async with desk.database.transaction(organization_id=organization_id) as session:
        await find_organization(session, organization_id=organization_id)
        return await _link(session, desk, organization_id=organization_id, email=email)


async def _link(session: AsyncSession, desk: AccountDesk, *, organization_id: UUID, email: str) -> Answer:
    minted = await link_for_owner(
        session, organization_id=organization_id, email=email, secrets=desk.secrets, now=await app_now(session)
    )
    return {
        "link": minted.address(public_url=desk.public_url),
        "link_expires_at": minted.expires_at.isoformat(),
        "shown": "once, and the link works once: it chooses the password",
    }


def _shown(desk: AccountDesk, made: NewOwner, email: str) -> Answer:
    return {
        "user_id": format_id("usr", made.user_id),
        "email": email,
        "sign_in": desk.sign_in_url,
        "has_password": made.has_password,
    }
