"""Accept a Stripe key: judge its form, ask Stripe, and only then store it sealed and say that the connection changed.

Nothing is written while Stripe is asked, so the key before keeps working until the new one is known to be good. A key
of another account starts a new connection, and is refused while links of the old account can still take money.
"""

import asyncio
import secrets
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar
from uuid import UUID

from contracts.events.payment import ConnectionStatus, StripeConnectionChanged, StripeMode
from service_kit import crash_points
from service_kit.database import Database, app_now, run_sql
from service_kit.errors import DomainError, ErrorKind
from service_kit.identifiers import new_id
from sqlmodel.ext.asyncio.session import AsyncSession

from payment_service.actions.check_key import (
    NOTHING_CHANGED,
    KeyFindings,
    KeyRefused,
    StripeNotAnswering,
    check_key,
)
from payment_service.actions.describe_connection import say_connection_changed
from payment_service.actions.open_access import SECRET_KEY_PURPOSE, seal_for
from payment_service.domain.link_orders import LinkStatus
from payment_service.domain.secret_keys import KeyForm, read_key_form
from payment_service.domain.stripe_answers import FailureKind, StripeFailure
from payment_service.queries.connections import connection as connection_by_id
from payment_service.queries.connections import (
    current_connection,
    endpoint_of_connection,
    lock_standing,
    secret_key_row,
)
from payment_service.queries.links import any_link_at_stripe, open_links_of_connection
from payment_service.stripe_door import StripeAccess
from payment_service.stripe_setup import StripeSetup
from payment_service.tables import Connection, SecretKeyRow, StripeStanding, WebhookEndpoint
from payment_service.tasks import (
    CLOSE_LINK,
    CREATE_LINK,
    POLL_CONNECTION,
    REGISTER_WEBHOOK,
    LinkTask,
    give_connection_task,
    give_link_task,
    revive_connection_task,
)

CHECK_SECONDS = 20.0
"""All questions to Stripe together: a person is waiting for the answer."""


class AnotherAccountHasOpenLinks(DomainError):
    slug: ClassVar[str] = "another-account-has-open-links"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    title: ClassVar[str] = "The key belongs to another Stripe account"


class ConnectionChangedMeanwhile(DomainError):
    slug: ClassVar[str] = "connection-changed-meanwhile"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    title: ClassVar[str] = "Somebody else changed the key at the same moment"


@dataclass(frozen=True)
class _Candidate:
    """A key that Stripe accepted, not stored yet."""

    organization_id: UUID
    secret_key: str
    form: KeyForm
    findings: KeyFindings

    @property
    def mode(self) -> StripeMode:
        return StripeMode.LIVE if self.form.live else StripeMode.TEST


async def connect_account(
    *, database: Database, setup: StripeSetup, organization_id: UUID, secret_key: str
) -> StripeConnectionChanged:
    """The new picture. Safe to repeat with the same key. Raises the errors of `check_key` and `read_key_form`,
    `AnotherAccountHasOpenLinks` and `ConnectionChangedMeanwhile`."""
    form = read_key_form(secret_key, sandbox=setup.sandbox)
    access = StripeAccess(secret_key=secret_key, account_label=f"candidate-{organization_id}")
    async with database.transaction(organization_id=organization_id) as session:
        before = await current_connection(session, organization_id=organization_id)
        known_link = await _link_of(session, before)
    try:
        async with asyncio.timeout(CHECK_SECONDS):
            findings = await check_key(door=setup.door, access=access, form=form)
            candidate = _Candidate(organization_id, secret_key, form, findings)
            same = before is not None and await _same_account(setup, access, before, candidate, known_link)
    except TimeoutError:
        raise StripeNotAnswering(NOTHING_CHANGED) from None
    crash_points.reached("payment.before_key_record")
    async with database.transaction(organization_id=organization_id) as session:
        return await _record(session, setup=setup, candidate=candidate, before=before, same=same)


async def _link_of(session: AsyncSession, connection: Connection | None) -> str | None:
    if connection is None:
        return None
    return await any_link_at_stripe(session, organization_id=connection.organization_id, connection_id=connection.id)


async def _same_account(
    setup: StripeSetup, access: StripeAccess, before: Connection, candidate: _Candidate, known_link: str | None
) -> bool:
    """By the account's id where Stripe tells it, else by whether the new key can see a link that the old one made."""
    if before.mode != candidate.mode.value:
        return False
    account = candidate.findings.account
    if account is not None and before.account_id:
        return account.id == before.account_id
    if known_link is None:
        return False
    try:
        await setup.door.retrieve_payment_link(access, link_id=known_link)
    except StripeFailure as failure:
        if failure.kind is FailureKind.NOT_FOUND:
            return False
        if failure.maybe_later:
            raise StripeNotAnswering(NOTHING_CHANGED) from None
        raise KeyRefused("Stripe did not let this key read payment links.", pointer="/secret_key") from None
    return True


async def _record(
    session: AsyncSession, *, setup: StripeSetup, candidate: _Candidate, before: Connection | None, same: bool
) -> StripeConnectionChanged:
    standing = await _locked_standing(session, candidate.organization_id, expected=before)
    now = await app_now(session)
    key_id = await _store_key(session, setup=setup, candidate=candidate, now=now)
    if before is not None and same:
        connection = await _renewed(session, before, candidate, key_id)
    else:
        connection = await _replaced(session, setup, before, candidate, key_id, now)
    if standing is None:
        standing = StripeStanding(organization_id=candidate.organization_id, connection_id=connection.id, version=0)
    standing.connection_id = connection.id
    await session.flush()
    await _arrange_webhook(session, setup, connection, allowed=candidate.findings.webhooks_allowed, now=now)
    if connection.id != (before.id if before else None):
        await give_connection_task(
            session,
            organization_id=candidate.organization_id,
            task_type=POLL_CONNECTION,
            connection_id=connection.id,
        )
    else:
        await revive_connection_task(
            session,
            organization_id=candidate.organization_id,
            task_type=POLL_CONNECTION,
            connection_id=connection.id,
        )
    await _wake_waiting_links(session, connection)
    return await say_connection_changed(session, connection=connection, standing=standing)


async def _locked_standing(
    session: AsyncSession, organization_id: UUID, *, expected: Connection | None
) -> StripeStanding | None:
    # The first key of an organisation has no row to lock yet; this lock also serialises that one.
    await run_sql(
        session,
        "select pg_advisory_xact_lock(hashtextextended(:name, 0))",
        {"name": f"payment.connect:{organization_id}"},
    )
    standing = await lock_standing(session, organization_id=organization_id)
    if (standing.connection_id if standing else None) != (expected.id if expected else None):
        raise ConnectionChangedMeanwhile("Nothing of yours was stored. Look at the connection and enter the key again.")
    return standing


async def _store_key(session: AsyncSession, *, setup: StripeSetup, candidate: _Candidate, now: datetime) -> UUID:
    key_id = new_id()
    sealed = await seal_for(
        session,
        organization_id=candidate.organization_id,
        purpose=SECRET_KEY_PURPOSE,
        row_id=key_id,
        secret=candidate.secret_key,
        keyring=setup.keyring,
        now=now,
    )
    session.add(
        SecretKeyRow(
            organization_id=candidate.organization_id,
            id=key_id,
            sealed=sealed,
            last4=candidate.form.last4,
            created_at=now,
        )
    )
    return key_id


async def _renewed(session: AsyncSession, before: Connection, candidate: _Candidate, key_id: UUID) -> Connection:
    """The same account under a new key; the old key's row goes, so that nothing can use it by mistake."""
    connection = await connection_by_id(session, organization_id=before.organization_id, connection_id=before.id)
    old = await secret_key_row(session, organization_id=before.organization_id, key_id=before.secret_key_id)
    connection.secret_key_id = key_id
    _describe(connection, candidate)
    await session.delete(old)
    return connection


async def _replaced(
    session: AsyncSession,
    setup: StripeSetup,
    before: Connection | None,
    candidate: _Candidate,
    key_id: UUID,
    now: datetime,
) -> Connection:
    """A new connection. The old one keeps its key: late money of the old account is still ours to read."""
    if before is not None and await open_links_of_connection(
        session, organization_id=before.organization_id, connection_id=before.id
    ):
        raise AnotherAccountHasOpenLinks(
            "Links of the connected account can still take money. Void or collect these invoices by hand first, "
            "or enter a key of the same account.",
            pointer="/secret_key",
        )
    connection_id = new_id()
    account = candidate.findings.account
    connection = Connection(
        organization_id=candidate.organization_id,
        id=connection_id,
        status=ConnectionStatus.READY.value,
        account_label=account.id if account else f"connection-{connection_id}",
        mode=candidate.mode.value,
        sandbox=setup.sandbox,
        secret_key_id=key_id,
        key_kind=candidate.form.kind,
        key_last4=candidate.form.last4,
        created_at=now,
    )
    _describe(connection, candidate)
    session.add(connection)
    return connection


def _describe(connection: Connection, candidate: _Candidate) -> None:
    account = candidate.findings.account
    if account is not None:
        connection.account_id = account.id
        connection.account_name = account.name
        connection.country = account.country.upper()
        connection.default_currency = account.default_currency.upper()
    connection.key_kind = candidate.form.kind
    connection.key_last4 = candidate.form.last4
    connection.status = ConnectionStatus.READY.value
    connection.problem_code = connection.problem = ""


async def _arrange_webhook(
    session: AsyncSession, setup: StripeSetup, connection: Connection, *, allowed: bool, now: datetime
) -> None:
    """Reserve the endpoint's row and give the task that registers it; an endpoint that works is left alone."""
    organization_id = connection.organization_id
    endpoint = await endpoint_of_connection(
        session, organization_id=organization_id, connection_id=connection.id, lock=True
    )
    if endpoint is not None and endpoint.status == "active":
        return
    if not allowed or not setup.webhook_base_url:
        connection.webhook_status = "polling_only"
        return
    if endpoint is None:
        opaque_id = secrets.token_urlsafe(32)
        endpoint = WebhookEndpoint(
            organization_id=organization_id,
            id=new_id(),
            connection_id=connection.id,
            opaque_id=opaque_id,
            url=f"{setup.webhook_base_url.rstrip('/')}/webhooks/stripe/{opaque_id}",
            status="reserved",
            created_at=now,
        )
    elif endpoint.status == "polling_only":
        endpoint.status, endpoint.epoch, endpoint.first_attempt_at = "reserved", endpoint.epoch + 1, None
    session.add(endpoint)
    connection.webhook_status = ""
    await give_connection_task(
        session,
        organization_id=organization_id,
        task_type=REGISTER_WEBHOOK,
        connection_id=connection.id,
    )


async def _wake_waiting_links(session: AsyncSession, connection: Connection) -> None:
    """Links that waited for a key that works need not wait out their delays."""
    work = {LinkStatus.CREATING.value: CREATE_LINK, LinkStatus.CLOSING.value: CLOSE_LINK}
    links = await open_links_of_connection(
        session, organization_id=connection.organization_id, connection_id=connection.id
    )
    for link in links:
        if link.status in work:
            await give_link_task(
                session,
                organization_id=connection.organization_id,
                task_type=work[link.status],
                about=LinkTask(invoice_id=link.invoice_id, link_id=link.id),
            )
