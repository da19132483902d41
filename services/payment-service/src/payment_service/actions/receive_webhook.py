"""Take one webhook: prove that Stripe signed these bytes for this endpoint, store them, and only then say thank you.

Nothing is applied here. The stored event and the task that will apply it are one commit, so what was answered with 200
is never lost, and what comes twice is one row.
"""

from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from contracts.events.payment import StripeMode
from service_kit import crash_points
from service_kit.database import Database, app_now
from service_kit.errors import DomainError, ErrorKind
from service_kit.identifiers import new_id
from service_kit.log_setup import get_logger
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service.actions.open_access import open_signing_secrets
from payment_service.domain.stripe_events import MalformedStripeEvent, StripeEventEnvelope, read_envelope
from payment_service.key_vault import SecretUnreadable
from payment_service.keyring import Keyring
from payment_service.queries.connections import connection as connection_by_id
from payment_service.queries.connections import endpoint_by_opaque_id, organization_of_endpoint
from payment_service.queries.stripe_records import store_event
from payment_service.stripe_gateway import SignatureRefused, verify_signature
from payment_service.tables import Connection, StripeEventRow, WebhookEndpoint
from payment_service.tasks import give_event_task

OPAQUE_ID_LENGTH_MAX = 100


class UnknownEndpoint(DomainError):
    slug: ClassVar[str] = "unknown-webhook-endpoint"
    kind: ClassVar[ErrorKind] = ErrorKind.NOT_FOUND
    title: ClassVar[str] = "There is no such webhook endpoint"


class EndpointNotReady(DomainError):
    slug: ClassVar[str] = "webhook-endpoint-not-ready"
    kind: ClassVar[ErrorKind] = ErrorKind.UNAVAILABLE
    title: ClassVar[str] = "This webhook endpoint cannot check signatures yet"


class WebhookRefused(Exception):
    """A body that Stripe did not sign, or that is no event: the answer is 400 and nothing is stored."""


@dataclass(frozen=True)
class _Listening:
    endpoint: WebhookEndpoint
    connection: Connection
    secrets: tuple[str, ...]


async def receive_webhook(
    *, database: Database, keyring: Keyring, opaque_id: str, body: bytes, signature: str, now: datetime
) -> None:
    """Returns when the event is committed, also when it was before. Raises `UnknownEndpoint`, `EndpointNotReady` or
    `WebhookRefused`."""
    listening = await _find(database, keyring, opaque_id)
    try:
        verify_signature(body=body, header=signature, secrets=listening.secrets, now=now)
        envelope = read_envelope(body)
    except (SignatureRefused, MalformedStripeEvent) as refusal:
        get_logger().warning("webhook refused", reason=str(refusal), endpoint_id=str(listening.endpoint.id))
        raise WebhookRefused(str(refusal)) from None
    crash_points.reached("payment.before_webhook_store")
    async with database.transaction(organization_id=listening.connection.organization_id) as session:
        await _store(session, listening, envelope, body)
    crash_points.reached("payment.after_webhook_store")


async def _find(database: Database, keyring: Keyring, opaque_id: str) -> _Listening:
    if len(opaque_id) > OPAQUE_ID_LENGTH_MAX:
        raise UnknownEndpoint("no webhook endpoint has this address")
    async with database.transaction(organization_id=None) as session:
        organization_id = await organization_of_endpoint(session, opaque_id=opaque_id)
    if organization_id is None:
        raise UnknownEndpoint("no webhook endpoint has this address")
    async with database.transaction(organization_id=organization_id) as session:
        return await _listening(session, keyring, organization_id, opaque_id)


async def _listening(session: AsyncSession, keyring: Keyring, organization_id: UUID, opaque_id: str) -> _Listening:
    endpoint = await endpoint_by_opaque_id(session, organization_id=organization_id, opaque_id=opaque_id)
    if endpoint is None:
        raise UnknownEndpoint("no webhook endpoint has this address")
    try:
        secrets = await open_signing_secrets(session, endpoint=endpoint, keyring=keyring)
    except SecretUnreadable as problem:
        get_logger().error("webhook secret cannot be opened", endpoint_id=str(endpoint.id), problem=str(problem))
        raise EndpointNotReady("the signing secret cannot be opened") from None
    if not any(secret.strip() for secret in secrets):
        # Fail closed: without a secret anybody could sign. Stripe tries again when the registration is recorded.
        raise EndpointNotReady("the signing secret is not known yet")
    connection = await connection_by_id(session, organization_id=organization_id, connection_id=endpoint.connection_id)
    return _Listening(endpoint=endpoint, connection=connection, secrets=secrets)


async def _store(session: AsyncSession, listening: _Listening, envelope: StripeEventEnvelope, body: bytes) -> None:
    row = new_event_row(
        connection=listening.connection,
        envelope=envelope,
        body=body,
        source="webhook",
        endpoint_id=listening.endpoint.id,
        now=await app_now(session),
    )
    await keep_event(session, row)


async def keep_event(session: AsyncSession, row: StripeEventRow) -> bool:
    """The raw event and the task that applies it, or neither; False when it was here before. Used by the poller too."""
    if not await store_event(session, row):
        return False
    await give_event_task(session, organization_id=row.organization_id, event_row_id=row.id)
    if row.state == "parked":
        get_logger().warning("event does not belong here", event_id=row.event_id, reason=row.reason)
    return True


def new_event_row(
    *,
    connection: Connection,
    envelope: StripeEventEnvelope,
    body: bytes,
    source: str,
    endpoint_id: UUID | None,
    now: datetime,
) -> StripeEventRow:
    """An event of another account or mode is kept and parked: it was signed for us, but it is nothing of ours."""
    mode = (StripeMode.LIVE if envelope.livemode else StripeMode.TEST).value
    account = envelope.account or connection.account_label
    own_account = account in (connection.account_label, connection.account_id)
    reason = ""
    if not own_account:
        reason = "the event is of another Stripe account"
    elif mode != connection.mode:
        reason = f"the event is of {mode} mode, the connection of {connection.mode} mode"
    return StripeEventRow(
        organization_id=connection.organization_id,
        id=new_id(),
        connection_id=connection.id,
        endpoint_id=endpoint_id,
        source=source,
        account_label=connection.account_label if own_account else account,
        mode=mode,
        event_id=envelope.id,
        type=envelope.type,
        object_id=envelope.data.object.id,
        stripe_created=envelope.created,
        body=body,
        state="parked" if reason else "received",
        reason=reason,
        received_at=now,
    )
