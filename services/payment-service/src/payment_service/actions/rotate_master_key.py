"""Rotate the master key while everything runs: a new key first in the keyring, then every data key wrapped anew.

The keyring is on disk before the first data key needs it, and one data key is one transaction, so a run that was killed
is finished by the next one, which makes no further key. The old key stays until it is retired.
"""

from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from enum import Enum
from uuid import UUID

import sqlalchemy.exc
from service_kit import crash_points
from service_kit.database import Database
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service.key_vault import SecretUnreadable, unwrap_data_key, wrap_data_key, wrapping_key_id
from payment_service.keyring import Keyring, KeyringFile
from payment_service.keyring_edits import put_first, take_out
from payment_service.queries.data_keys import (
    WrappedKey,
    data_keys_counted,
    data_keys_wrapped_by,
    hold_key_commands,
    lock_data_key,
    wait_for_wrappings,
)

_PAGE = 200
_LOCK_NOT_AVAILABLE = "55P03"

Progress = Callable[[int], None]


class KeysBusy(Exception):
    """Another command on master keys is at work, or a key is being stored right now; nothing was lost, run it again."""


class KeyNotRetired(Exception):
    """The master key stays, because something still needs it; the message says what."""


class Rewrapped(Enum):
    DONE = "done"
    BEFORE = "before"
    UNREADABLE = "unreadable"


@dataclass(frozen=True)
class RotationReport:
    """``old_kids`` wrapped something when the run began. ``unreadable`` data keys do not open with the key that wrapped
    them, or no key of that id is there: they stay as they are."""

    made_key: bool
    new_kid: str
    old_kids: tuple[str, ...]
    rewrapped: int
    unreadable: int


@dataclass(frozen=True)
class KeyUse:
    kid: str
    current: bool
    in_keyring: bool
    data_keys: int


async def rotate_master_key(
    *, app: Database, worker: Database, keyring: Keyring, now: datetime, progress: Progress
) -> RotationReport:
    """``progress`` hears how many data keys are wrapped anew, once per page. With a keyring that is no file nothing is
    made: data keys move to its first key. Raises `KeysBusy` and `payment_service.key_vault.MasterKeysMalformed`."""
    async with _alone(worker):
        report = await _rewrap_everything(app, worker, keyring, progress)
        if report.rewrapped or not isinstance(keyring, KeyringFile):
            return report
        # Nothing was left over from a rotation that did not end, so this is a new one.
        put_first(keyring.path, now=now)
        return replace(await _rewrap_everything(app, worker, keyring, progress), made_key=True)


async def retire_master_key(*, worker: Database, keyring: Keyring, kid: str) -> None:
    """Take a key out of the keyring for good. Raises `KeyNotRetired` while it is current or wraps a data key, and
    `KeysBusy`."""
    async with _alone(worker):
        # The lock is held until the file is replaced, so nobody wraps with this key between the count and its end.
        async with _patient(worker) as session:
            await wait_for_wrappings(session)
            keys = keyring.newest()
            if kid not in keys.keys:
                raise KeyNotRetired("there is no such key in the keyring")
            if kid == keys.current:
                raise KeyNotRetired("it is the current key; rotate first")
            wrapped = (await data_keys_counted(session)).get(kid, 0)
            if wrapped:
                raise KeyNotRetired(f"it still wraps {wrapped} data keys; finish the rotation first")
            if not isinstance(keyring, KeyringFile):
                raise KeyNotRetired("nothing needs it; take it out of IC_MASTER_KEYS and start the services again")
            take_out(keyring.path, kid=kid)


async def read_key_use(*, worker: Database, keyring: Keyring) -> list[KeyUse]:
    """The current key first, then the others of the keyring, then those that data keys name and the keyring lacks."""
    keys = keyring.newest()
    async with worker.transaction(organization_id=None) as session:
        used = await data_keys_counted(session)
    kids = [*keys.keys, *(kid for kid in used if kid not in keys.keys)]
    return [KeyUse(kid, kid == keys.current, kid in keys.keys, used.get(kid, 0)) for kid in kids]


async def rewrap_data_key(*, app: Database, keyring: Keyring, listed: WrappedKey) -> Rewrapped:
    """Safe to repeat. What the row says under its lock counts, not what the list said."""
    async with app.transaction(organization_id=listed.organization_id) as session:
        row = await lock_data_key(session, organization_id=listed.organization_id, key_id=listed.key_id)
        keys = keyring.newest()
        if row is None or wrapping_key_id(row.wrapped) == keys.current:
            return Rewrapped.BEFORE
        try:
            data_key = unwrap_data_key(
                row.wrapped, organization_id=listed.organization_id, key_id=listed.key_id, master_keys=keys
            )
        except SecretUnreadable:
            return Rewrapped.UNREADABLE
        row.wrapped = wrap_data_key(data_key, master_keys=keys)
        session.add(row)
        crash_points.reached("payment.before_rewrap_commit")
    crash_points.reached("payment.after_rewrap_commit")
    return Rewrapped.DONE


async def _rewrap_everything(app: Database, worker: Database, keyring: Keyring, progress: Progress) -> RotationReport:
    current = keyring.newest().current
    async with _patient(worker) as session:
        # Whoever read the keyring before it changed commits first; whoever comes later reads the new one.
        await wait_for_wrappings(session)
        old_kids = tuple(sorted(kid for kid in await data_keys_counted(session) if kid != current))
    rewrapped = unreadable = 0
    for kid in old_kids:
        done, failed = await _rewrap_all(app, worker, keyring, kid, progress)
        rewrapped, unreadable = rewrapped + done, unreadable + failed
    return RotationReport(False, current, old_kids, rewrapped, unreadable)


async def _rewrap_all(
    app: Database, worker: Database, keyring: Keyring, kid: str, progress: Progress
) -> tuple[int, int]:
    after, done, unreadable = UUID(int=0), 0, 0
    while True:
        async with worker.transaction(organization_id=None) as session:
            page = await data_keys_wrapped_by(session, kid=kid, after=after, count_max=_PAGE)
        if not page:
            return done, unreadable
        for listed in page:
            outcome = await rewrap_data_key(app=app, keyring=keyring, listed=listed)
            done += outcome is Rewrapped.DONE
            unreadable += outcome is Rewrapped.UNREADABLE
        after = page[-1].key_id
        progress(done)


@asynccontextmanager
async def _alone(worker: Database) -> AsyncIterator[None]:
    async with _patient(worker) as session:
        await hold_key_commands(session)
        yield


@asynccontextmanager
async def _patient(worker: Database) -> AsyncIterator[AsyncSession]:
    """A transaction whose locks may be waited for in vain."""
    try:
        async with worker.transaction(organization_id=None) as session:
            yield session
    except sqlalchemy.exc.DBAPIError as problem:
        if getattr(problem.orig, "sqlstate", "") != _LOCK_NOT_AVAILABLE:
            raise
        raise KeysBusy("another command or a key that is being stored holds the keys; run this again") from None
