"""Register this connection's webhook endpoint at Stripe, once: reserve, call, record.

The signing secret is said only in the answer to the creation. While that answer may be lost the same idempotency key
asks again; when the key may have been forgotten, an endpoint under our URL is deleted before another is made.
"""

from dataclasses import dataclass
from uuid import UUID

from service_kit import crash_points
from service_kit.database import app_now
from service_kit.handlers import OutsideWork, RetryLater
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service.actions.describe_connection import note_trouble, say_connection_changed
from payment_service.actions.open_access import WEBHOOK_SECRET_PURPOSE, access_for_task, seal_for
from payment_service.domain.link_creation import KEY_REFUSED_MESSAGE, KEY_TRUSTED_FOR, SERVER_ERRORS_PER_EPOCH_MAX
from payment_service.domain.stripe_answers import FailureKind, StripeFailure
from payment_service.domain.stripe_events import SUBSCRIBED_EVENTS
from payment_service.domain.stripe_objects import EndpointAtStripe
from payment_service.organization import organization_of
from payment_service.queries.connections import connection as connection_by_id
from payment_service.queries.connections import endpoint_of_connection, lock_standing
from payment_service.stripe_door import StripeAccess
from payment_service.stripe_setup import StripeSetup
from payment_service.tasks import ConnectionTask


@dataclass(frozen=True)
class _Reserved:
    endpoint_id: UUID
    access: StripeAccess
    url: str
    epoch: int
    clear_first: bool


async def register_webhook(work: OutsideWork, *, setup: StripeSetup) -> None:
    connection_id = ConnectionTask.model_validate(work.delivery.payload).connection_id
    organization_id = organization_of(work.delivery)
    async with work.transaction() as session:
        reserved = await _reserve(session, organization_id, connection_id, setup)
    if reserved is None:
        async with work.completion():
            return
    try:
        made = await _call(setup, reserved)
    except StripeFailure as failure:
        await _after_failure(work, organization_id, connection_id, failure)
        return
    async with work.completion() as session:
        await _record(
            session,
            setup=setup,
            organization_id=organization_id,
            connection_id=connection_id,
            endpoint_id=reserved.endpoint_id,
            made=made,
        )


async def _reserve(
    session: AsyncSession, organization_id: UUID, connection_id: UUID, setup: StripeSetup
) -> _Reserved | None:
    """Commit that the call is about to be made; None when the endpoint is registered already or no longer wanted."""
    endpoint = await endpoint_of_connection(
        session, organization_id=organization_id, connection_id=connection_id, lock=True
    )
    if endpoint is None or endpoint.status != "reserved":
        return None
    connection = await connection_by_id(session, organization_id=organization_id, connection_id=connection_id)
    access = await access_for_task(session, connection=connection, keyring=setup.keyring)
    now = await app_now(session)
    forgotten = endpoint.first_attempt_at is not None and now - endpoint.first_attempt_at >= KEY_TRUSTED_FOR
    if forgotten:
        endpoint.epoch += 1
    if forgotten or endpoint.first_attempt_at is None:
        endpoint.first_attempt_at = now
    session.add(endpoint)
    return _Reserved(endpoint.id, access, endpoint.url, endpoint.epoch, clear_first=endpoint.epoch > 1)


async def _call(setup: StripeSetup, reserved: _Reserved) -> EndpointAtStripe:
    if reserved.clear_first:
        for known in await setup.door.webhook_endpoints(reserved.access):
            if known.url == reserved.url:
                await setup.door.delete_webhook_endpoint(reserved.access, endpoint_id=known.id)
    crash_points.reached("payment.before_webhook_call")
    made = await setup.door.create_webhook_endpoint(
        reserved.access,
        url=reserved.url,
        event_types=SUBSCRIBED_EVENTS,
        idempotency_key=f"icw-{reserved.endpoint_id}-{reserved.epoch}",
    )
    crash_points.reached("payment.after_webhook_call")
    if not made.secret.strip():
        raise StripeFailure(FailureKind.UNKNOWN, code="no_signing_secret")
    return made


async def _record(
    session: AsyncSession,
    *,
    setup: StripeSetup,
    organization_id: UUID,
    connection_id: UUID,
    endpoint_id: UUID,
    made: EndpointAtStripe,
) -> None:
    sealed = await seal_for(
        session,
        organization_id=organization_id,
        purpose=WEBHOOK_SECRET_PURPOSE,
        row_id=endpoint_id,
        secret=made.secret,
        keyring=setup.keyring,
        now=await app_now(session),
    )
    await _settle(
        session,
        organization_id=organization_id,
        connection_id=connection_id,
        status="active",
        stripe_endpoint_id=made.id,
        secret_sealed=sealed,
    )


async def _after_failure(work: OutsideWork, organization_id: UUID, connection_id: UUID, failure: StripeFailure) -> None:
    saved_error = failure.kind is FailureKind.SERVER_ERROR and work.delivery.attempts >= SERVER_ERRORS_PER_EPOCH_MAX
    if saved_error or failure.kind is FailureKind.KEY_REUSED:
        async with work.transaction() as session:
            await _begin_new_epoch(session, organization_id, connection_id)
        raise RetryLater(str(failure))
    if failure.maybe_later:
        raise RetryLater(str(failure), after_seconds=failure.retry_after_seconds)
    async with work.completion() as session:
        if failure.kind is FailureKind.KEY_REFUSED:
            # The endpoint stays reserved: the next key gives this task again.
            await note_trouble(
                session,
                organization_id=organization_id,
                connection_id=connection_id,
                code="key_refused",
                problem=KEY_REFUSED_MESSAGE,
            )
            return
        # No permission, no public address, or too many endpoints: the poller brings the same events, only later.
        await _settle(session, organization_id=organization_id, connection_id=connection_id, status="polling_only")


async def _begin_new_epoch(session: AsyncSession, organization_id: UUID, connection_id: UUID) -> None:
    endpoint = await endpoint_of_connection(
        session, organization_id=organization_id, connection_id=connection_id, lock=True
    )
    if endpoint is not None and endpoint.status == "reserved":
        endpoint.epoch, endpoint.first_attempt_at = endpoint.epoch + 1, None
        session.add(endpoint)


async def _settle(
    session: AsyncSession,
    *,
    organization_id: UUID,
    connection_id: UUID,
    status: str,
    stripe_endpoint_id: str = "",
    secret_sealed: str = "",
) -> None:
    """Move the endpoint out of *reserved* and say so. Nothing happens when somebody else did."""
    standing = await lock_standing(session, organization_id=organization_id)
    endpoint = await endpoint_of_connection(
        session, organization_id=organization_id, connection_id=connection_id, lock=True
    )
    if endpoint is None or endpoint.status != "reserved":
        return
    endpoint.status, endpoint.stripe_endpoint_id, endpoint.secret_sealed = status, stripe_endpoint_id, secret_sealed
    connection = await connection_by_id(session, organization_id=organization_id, connection_id=connection_id)
    connection.webhook_status = status
    session.add(endpoint)
    session.add(connection)
    if standing is not None and standing.connection_id == connection_id:
        await say_connection_changed(session, connection=connection, standing=standing)
