"""The picture of an organisation's connection, and saying it to everybody when it changed.

Whoever changes a connection holds the standing's lock, so versions grow in the order of the commits.
"""

from uuid import UUID

from contracts.catalogue import Service
from contracts.events.payment import ConnectionStatus, StripeConnectionChanged, StripeMode
from service_kit.outbox import record_event
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service.queries.connections import connection as connection_by_id
from payment_service.queries.connections import current_connection, lock_standing, standing_version
from payment_service.tables import Connection, Outbox, StripeStanding


def picture_of(connection: Connection, *, version: int) -> StripeConnectionChanged:
    return StripeConnectionChanged(
        organization_id=connection.organization_id,
        version=version,
        status=ConnectionStatus(connection.status),
        connection_id=connection.id,
        account_id=connection.account_id,
        account_name=connection.account_name,
        country=connection.country,
        default_currency=connection.default_currency,
        mode=StripeMode(connection.mode),
        sandbox=connection.sandbox,
        key_kind=connection.key_kind,
        key_last4=connection.key_last4,
        webhook_status=connection.webhook_status,
        problem_code=connection.problem_code,
        problem=connection.problem,
    )


async def read_picture(session: AsyncSession, *, organization_id: UUID, sandbox: bool) -> StripeConnectionChanged:
    current = await current_connection(session, organization_id=organization_id)
    if current is None:
        return StripeConnectionChanged(
            organization_id=organization_id, version=0, status=ConnectionStatus.NOT_CONNECTED, sandbox=sandbox
        )
    version = await standing_version(session, organization_id=organization_id)
    return picture_of(current, version=version)


async def say_connection_changed(
    session: AsyncSession, *, connection: Connection, standing: StripeStanding
) -> StripeConnectionChanged:
    """Raise the version and publish the whole picture. ``standing`` is locked by the caller."""
    standing.version += 1
    session.add(standing)
    picture = picture_of(connection, version=standing.version)
    await record_event(session, Outbox, picture, service=Service.PAYMENT)
    return picture


async def note_trouble(
    session: AsyncSession, *, organization_id: UUID, connection_id: UUID, code: str, problem: str
) -> None:
    """The connection needs its owner. The same trouble said again, or of an old connection, changes nothing."""
    await _set_health(
        session,
        organization_id=organization_id,
        connection_id=connection_id,
        status=ConnectionStatus.ATTENTION,
        code=code,
        problem=problem,
    )


async def note_health(session: AsyncSession, *, organization_id: UUID, connection_id: UUID, link_written: bool) -> None:
    """Stripe answered as it should; an earlier trouble is over. Reading proves no permission to write, so a missing
    permission is over only when a link was made or closed (``link_written``)."""
    await _set_health(
        session,
        organization_id=organization_id,
        connection_id=connection_id,
        status=ConnectionStatus.READY,
        code="",
        problem="",
        outlasted_by="" if link_written else "permission_missing",
    )


async def _set_health(
    session: AsyncSession,
    *,
    organization_id: UUID,
    connection_id: UUID,
    status: ConnectionStatus,
    code: str,
    problem: str,
    outlasted_by: str = "",
) -> None:
    """``outlasted_by`` is the code of a problem that stays although the connection looks well."""
    unchanged = {(status.value, code), (ConnectionStatus.ATTENTION.value, outlasted_by)}
    seen = await connection_by_id(session, organization_id=organization_id, connection_id=connection_id)
    if (seen.status, seen.problem_code) in unchanged:
        return
    standing = await lock_standing(session, organization_id=organization_id)
    if standing is None or standing.connection_id != connection_id:
        return
    connection = await connection_by_id(session, organization_id=organization_id, connection_id=connection_id)
    if (connection.status, connection.problem_code) in unchanged:
        return
    connection.status, connection.problem_code, connection.problem = status.value, code, problem
    session.add(connection)
    await say_connection_changed(session, connection=connection, standing=standing)
