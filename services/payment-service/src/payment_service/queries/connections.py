"""Reads and locks around an organisation's connection to Stripe: its standing, its keys and its webhook endpoint."""

from uuid import UUID

from service_kit.database import run_sql
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service.tables import Connection, SecretKeyRow, StripeStanding, WebhookEndpoint


async def lock_standing(session: AsyncSession, *, organization_id: UUID) -> StripeStanding | None:
    """Whoever changes a connection or says something about it holds this row first."""
    statement = (
        select(StripeStanding)
        .where(StripeStanding.organization_id == organization_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return (await session.exec(statement)).one_or_none()


async def current_connection(session: AsyncSession, *, organization_id: UUID) -> Connection | None:
    statement = (
        select(Connection)
        .join(StripeStanding, col(StripeStanding.connection_id) == Connection.id)
        .where(
            StripeStanding.organization_id == organization_id,
            Connection.organization_id == organization_id,
        )
    )
    return (await session.exec(statement)).one_or_none()


async def standing_version(session: AsyncSession, *, organization_id: UUID) -> int:
    statement = select(StripeStanding.version).where(StripeStanding.organization_id == organization_id)
    return (await session.exec(statement)).one_or_none() or 0


async def connection(session: AsyncSession, *, organization_id: UUID, connection_id: UUID) -> Connection:
    """As it is now. Raises ``NoResultFound``: callers hold an id that a foreign key protects."""
    statement = (
        select(Connection)
        .where(Connection.organization_id == organization_id, Connection.id == connection_id)
        .execution_options(populate_existing=True)
    )
    return (await session.exec(statement)).one()


async def secret_key_row(session: AsyncSession, *, organization_id: UUID, key_id: UUID) -> SecretKeyRow:
    statement = select(SecretKeyRow).where(SecretKeyRow.organization_id == organization_id, SecretKeyRow.id == key_id)
    return (await session.exec(statement)).one()


async def endpoint_of_connection(
    session: AsyncSession, *, organization_id: UUID, connection_id: UUID, lock: bool = False
) -> WebhookEndpoint | None:
    statement = select(WebhookEndpoint).where(
        WebhookEndpoint.organization_id == organization_id, WebhookEndpoint.connection_id == connection_id
    )
    if lock:
        statement = statement.with_for_update().execution_options(populate_existing=True)
    return (await session.exec(statement)).one_or_none()


async def endpoint_by_opaque_id(
    session: AsyncSession, *, organization_id: UUID, opaque_id: str
) -> WebhookEndpoint | None:
    statement = select(WebhookEndpoint).where(
        WebhookEndpoint.organization_id == organization_id, WebhookEndpoint.opaque_id == opaque_id
    )
    return (await session.exec(statement)).one_or_none()


async def organization_of_endpoint(session: AsyncSession, *, opaque_id: str) -> UUID | None:
    """The one look-up that happens before an organisation is known."""
    result = await run_sql(session, "select organization_of_endpoint(:opaque_id)", {"opaque_id": opaque_id})
    owner: UUID | None = result.scalar_one()
    return owner
