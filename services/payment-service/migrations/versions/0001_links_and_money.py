"""Connections, links, raw events and provider entries, with row security from the first day."""

from alembic import op
from service_kit.migrating import (
    create_app_clock,
    create_inbox,
    create_outbox,
    make_append_only,
    names,
    protect_table,
)
from service_kit.provision import quoted

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_app_clock(op)
    create_outbox(op)
    create_inbox(op)
    _create_connections()
    _create_links()
    _create_what_stripe_said()
    _protect()
    _create_endpoint_lookup()


def downgrade() -> None:
    raise NotImplementedError("raw events and provider entries are kept for good; restore a backup instead")


def _create_connections() -> None:
    op.execute(
        """
        create table payment.connections (
            organization_id uuid not null,
            id uuid not null,
            status text not null check (status in ('ready', 'attention')),
            account_id text not null default '',
            account_label text not null check (account_label <> ''),
            account_name text not null default '',
            country text not null default '',
            default_currency text not null default '',
            mode text not null check (mode in ('live', 'test')),
            sandbox boolean not null,
            secret_key_id uuid not null,
            key_kind text not null check (key_kind in ('secret', 'restricted')),
            key_last4 text not null check (length(key_last4) = 4),
            webhook_status text not null default '' check (webhook_status in ('', 'active', 'polling_only')),
            problem_code text not null default '',
            problem text not null default '',
            events_seen_until bigint not null default 0 check (events_seen_until >= 0),
            created_at timestamptz not null default payment.app_now(),
            primary key (organization_id, id),
            check (not (sandbox and mode = 'live'))
        )
        """
    )
    op.execute(
        """
        create table payment.stripe_standings (
            organization_id uuid not null primary key,
            connection_id uuid not null,
            version bigint not null check (version > 0),
            foreign key (organization_id, connection_id) references payment.connections deferrable initially deferred
        )
        """
    )
    op.execute(
        """
        create table payment.data_keys (
            organization_id uuid not null,
            id uuid not null,
            wrapped text not null check (wrapped like 'v1:%:%:%'),
            created_at timestamptz not null default payment.app_now(),
            primary key (organization_id, id)
        )
        """
    )
    op.execute(
        """
        create table payment.secret_keys (
            organization_id uuid not null,
            id uuid not null,
            sealed text not null check (sealed like 'v1:%:%:%'),
            last4 text not null check (length(last4) = 4),
            created_at timestamptz not null default payment.app_now(),
            primary key (organization_id, id)
        )
        """
    )
    op.execute(
        """
        create table payment.webhook_endpoints (
            organization_id uuid not null,
            id uuid not null,
            connection_id uuid not null,
            opaque_id text not null unique check (length(opaque_id) >= 32),
            url text not null,
            status text not null check (status in ('reserved', 'active', 'polling_only')),
            epoch integer not null default 1,
            first_attempt_at timestamptz,
            stripe_endpoint_id text not null default '',
            secret_sealed text not null default '' check (secret_sealed = '' or secret_sealed like 'v1:%:%:%'),
            previous_secret_sealed text not null default ''
                check (previous_secret_sealed = '' or previous_secret_sealed like 'v1:%:%:%'),
            created_at timestamptz not null default payment.app_now(),
            primary key (organization_id, id),
            unique (organization_id, connection_id),
            foreign key (organization_id, connection_id) references payment.connections,
            check (status <> 'active' or (stripe_endpoint_id <> '' and secret_sealed <> ''))
        )
        """
    )


def _create_links() -> None:
    op.execute(
        """
        create table payment.collections (
            organization_id uuid not null,
            invoice_id uuid not null,
            newest_attempt integer not null default 0 check (newest_attempt >= 0),
            stopped_attempt integer not null default 0 check (stopped_attempt between 0 and newest_attempt),
            void_unanswered boolean not null default false,
            primary key (organization_id, invoice_id)
        )
        """
    )
    op.execute(
        """
        create table payment.payment_links (
            organization_id uuid not null,
            id uuid not null,
            invoice_id uuid not null,
            attempt integer not null check (attempt >= 0),
            connection_id uuid,
            status text not null check (status in ('creating', 'active', 'closing', 'closed', 'failed')),
            request text not null default '',
            amount_minor bigint not null default 0 check (amount_minor >= 0),
            currency text not null default '' check (currency ~ '^([A-Z]{3})?$'),
            epoch integer not null default 1 check (epoch >= 1),
            first_attempt_at timestamptz,
            task_given text not null default '',
            server_errors integer not null default 0,
            maybe_made boolean not null default false,
            stripe_link_id text,
            url text not null default '',
            made_at timestamptz,
            captured_minor bigint not null default 0,
            in_flight boolean not null default false,
            close_reason text not null default ''
                check (close_reason in ('', 'void', 'balance_changed', 'manual', 'replaced', 'paid')),
            close_proof jsonb,
            failure_code text not null default '',
            failure text not null default '',
            sessions_read_at timestamptz,
            created_at timestamptz not null default payment.app_now(),
            changed_at timestamptz not null default payment.app_now(),
            primary key (organization_id, id),
            unique (organization_id, invoice_id, attempt),
            unique (organization_id, connection_id, stripe_link_id),
            foreign key (organization_id, invoice_id) references payment.collections,
            foreign key (organization_id, connection_id) references payment.connections,
            check (status not in ('creating', 'active')
                   or (request <> '' and amount_minor > 0 and currency <> '' and connection_id is not null)),
            check (status <> 'active' or (stripe_link_id is not null and url <> '' and made_at is not null)),
            check (status not in ('closing', 'closed') or close_reason <> ''),
            check ((status = 'failed') = (failure_code <> ''))
        )
        """
    )
    op.execute(
        """
        create unique index payment_links_one_active on payment.payment_links (organization_id, invoice_id)
        where status = 'active'
        """
    )
    op.execute(
        "create index payment_links_made on payment.payment_links (organization_id, connection_id, made_at desc)"
    )
    op.execute(
        """
        create index payment_links_open on payment.payment_links (organization_id, connection_id, sessions_read_at)
        where status in ('active', 'closing') or in_flight
        """
    )


def _create_what_stripe_said() -> None:
    op.execute(
        """
        create table payment.checkout_sessions (
            organization_id uuid not null,
            session_id text not null,
            link_id uuid not null,
            status text not null,
            payment_status text not null,
            payment_intent_id text not null default '',
            read_at timestamptz not null default payment.app_now(),
            primary key (organization_id, session_id),
            foreign key (organization_id, link_id) references payment.payment_links
        )
        """
    )
    op.execute(
        """
        create table payment.stripe_events (
            organization_id uuid not null,
            id uuid not null,
            connection_id uuid not null,
            endpoint_id uuid,
            source text not null check (source in ('webhook', 'poller')),
            account_label text not null,
            mode text not null check (mode in ('live', 'test')),
            event_id text not null,
            type text not null,
            object_id text not null default '',
            stripe_created bigint not null,
            body bytea not null,
            state text not null check (state in ('received', 'applied', 'foreign', 'kept', 'parked')),
            reason text not null default '',
            received_at timestamptz not null default payment.app_now(),
            primary key (organization_id, id),
            unique (organization_id, account_label, mode, event_id)
        )
        """
    )
    op.execute(
        """
        create table payment.fetched_objects (
            organization_id uuid not null,
            object_id text not null,
            sha256 text not null,
            connection_id uuid not null,
            body text not null,
            fetched_at timestamptz not null default payment.app_now(),
            primary key (organization_id, object_id, sha256)
        )
        """
    )
    op.execute(
        """
        create table payment.provider_entries (
            organization_id uuid not null,
            id uuid not null,
            kind text not null check (kind in ('capture', 'refund', 'refund_failed', 'reversal', 'withdrawn',
                                               'reinstated', 'fee', 'payout')),
            account_label text not null,
            mode text not null check (mode in ('live', 'test')),
            stripe_id text not null check (stripe_id <> ''),
            link_id uuid not null,
            invoice_id uuid not null,
            charge_id text not null default '',
            session_id text not null default '',
            method text not null default '',
            stripe_amount bigint not null,
            amount_minor bigint not null check (amount_minor > 0),
            currency text not null check (currency ~ '^[A-Z]{3}$'),
            occurred_at timestamptz not null,
            late boolean not null,
            source text not null check (source in ('webhook', 'poller', 'closing')),
            recorded_at timestamptz not null default payment.app_now(),
            primary key (organization_id, id),
            unique (organization_id, account_label, mode, kind, stripe_id),
            foreign key (organization_id, link_id) references payment.payment_links
        )
        """
    )
    op.execute("create index provider_entries_link on payment.provider_entries (organization_id, link_id)")
    make_append_only(op, "provider_entries")
    make_append_only(op, "fetched_objects")


def _protect() -> None:
    app = names(op).app
    for table in (
        "connections",
        "stripe_standings",
        "webhook_endpoints",
        "collections",
        "payment_links",
        "checkout_sessions",
        "stripe_events",
    ):
        protect_table(op, table, app)
    for table in ("data_keys", "fetched_objects", "provider_entries"):
        protect_table(op, table, app, privileges="select, insert")
    protect_table(op, "secret_keys", app, privileges="select, insert, delete")


def _create_endpoint_lookup() -> None:
    """A webhook says where it was sent and nothing else; this answers whose that is, for one exact id at a time."""
    op.execute(
        """
        create function payment.organization_of_endpoint(wanted text) returns uuid
        language sql stable security definer set search_path = payment, pg_temp
        as $$ select organization_id from webhook_endpoints where opaque_id = wanted $$
        """
    )
    op.execute("revoke all on function payment.organization_of_endpoint(text) from public")
    op.execute(f"grant execute on function payment.organization_of_endpoint(text) to {quoted(names(op).app)}")
