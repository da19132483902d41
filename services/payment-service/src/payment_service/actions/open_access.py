"""Between sealed rows and the moment a secret is needed: seal what comes in, open what goes out, keep neither."""

from datetime import datetime
from uuid import UUID

from service_kit.errors import Unavailable
from service_kit.identifiers import new_id
from service_kit.log_setup import get_logger
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service.key_vault import (
    DataKey,
    MasterKeys,
    MasterKeysMalformed,
    SecretUnreadable,
    new_data_key,
    seal,
    sealed_key_id,
    unseal,
    unwrap_data_key,
    wrap_data_key,
    wrapping_key_id,
)
from payment_service.keyring import Keyring
from payment_service.queries.connections import secret_key_row
from payment_service.queries.data_keys import data_key_row, hold_wrapping, newest_data_key_row
from payment_service.stripe_door import StripeAccess
from payment_service.tables import Connection, DataKeyRow, WebhookEndpoint
from payment_service.tasks import not_now

SECRET_KEY_PURPOSE = "stripe-secret-key"  # noqa: S105
WEBHOOK_SECRET_PURPOSE = "stripe-webhook-secret"  # noqa: S105


async def seal_for(
    session: AsyncSession,
    *,
    organization_id: UUID,
    purpose: str,
    row_id: UUID,
    secret: str,
    keyring: Keyring,
    now: datetime,
) -> str:
    """Seal under the organisation's data key, which is made when there is none that opens."""
    data_key = await _current_data_key(session, organization_id=organization_id, keyring=keyring, now=now)
    return seal(secret, data_key=data_key, purpose=purpose, row_id=row_id)


async def open_access(session: AsyncSession, *, connection: Connection, keyring: Keyring) -> StripeAccess:
    """Raises `payment_service.key_vault.SecretUnreadable`."""
    row = await secret_key_row(session, organization_id=connection.organization_id, key_id=connection.secret_key_id)
    secret = await _unseal(
        session,
        organization_id=connection.organization_id,
        sealed=row.sealed,
        purpose=SECRET_KEY_PURPOSE,
        row_id=row.id,
        keyring=keyring,
    )
    return StripeAccess(secret_key=secret, account_label=connection.account_label)


async def access_for_task(session: AsyncSession, *, connection: Connection, keyring: Keyring) -> StripeAccess:
    """Raises `service_kit.handlers.RetryLater` while the key cannot be opened: the next key, or the master key that
    somebody forgot to configure, ends that."""
    try:
        return await open_access(session, connection=connection, keyring=keyring)
    except SecretUnreadable as problem:
        raise not_now(str(problem)) from None


async def open_signing_secrets(
    session: AsyncSession, *, endpoint: WebhookEndpoint, keyring: Keyring
) -> tuple[str, ...]:
    """The secrets that may have signed a webhook now: the current one and, while it is rolled, the one before."""
    sealed = [text for text in (endpoint.secret_sealed, endpoint.previous_secret_sealed) if text]
    return tuple(
        [
            await _unseal(
                session,
                organization_id=endpoint.organization_id,
                sealed=text,
                purpose=WEBHOOK_SECRET_PURPOSE,
                row_id=endpoint.id,
                keyring=keyring,
            )
            for text in sealed
        ]
    )


async def _unseal(
    session: AsyncSession, *, organization_id: UUID, sealed: str, purpose: str, row_id: UUID, keyring: Keyring
) -> str:
    data_key = await _data_key(session, organization_id, sealed_key_id(sealed), keyring)
    return unseal(sealed, data_key=data_key, purpose=purpose, row_id=row_id)


async def _data_key(session: AsyncSession, organization_id: UUID, key_id: UUID, keyring: Keyring) -> DataKey:
    """Between the reading of a row and the reading of the keyring the key that wrapped it may have been retired; then
    the row says by now what wraps it instead. A row that stays the same is truly wrapped by a key that is not there."""
    read_before = ""
    while True:
        row = await data_key_row(session, organization_id=organization_id, key_id=key_id)
        if row is None:
            raise SecretUnreadable("the data key of this secret is not one of this organisation")
        kid = wrapping_key_id(row.wrapped)
        keys = keyring.master_keys(needing=kid)
        if kid in keys.keys or row.wrapped == read_before:
            return unwrap_data_key(row.wrapped, organization_id=organization_id, key_id=key_id, master_keys=keys)
        read_before = row.wrapped


async def _current_data_key(
    session: AsyncSession, *, organization_id: UUID, keyring: Keyring, now: datetime
) -> DataKey:
    """Raises `service_kit.errors.Unavailable` when the keyring cannot be read: an older key may be retired by now."""
    await hold_wrapping(session)
    try:
        master_keys = keyring.newest()
    except MasterKeysMalformed as problem:
        get_logger().error("the keyring cannot be read, so no secret can be stored", problem=str(problem))
        raise Unavailable("A secret cannot be stored safely at the moment. Nothing was changed.") from None
    row = await newest_data_key_row(session, organization_id=organization_id)
    if row is not None and (known := _unwrapped(row, master_keys)) is not None:
        return known
    data_key = new_data_key(organization_id=organization_id, key_id=new_id())
    session.add(
        DataKeyRow(
            organization_id=organization_id,
            id=data_key.key_id,
            wrapped=wrap_data_key(data_key, master_keys=master_keys),
            created_at=now,
        )
    )
    return data_key


def _unwrapped(row: DataKeyRow, master_keys: MasterKeys) -> DataKey | None:
    """None when its master key is gone: what it sealed is lost, and a new key begins with the next secret."""
    try:
        return unwrap_data_key(row.wrapped, organization_id=row.organization_id, key_id=row.id, master_keys=master_keys)
    except SecretUnreadable:
        return None
