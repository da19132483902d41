"""Mails and their recipients, what is known of each invoice and its payment links, outbox and inbox."""

from alembic import op
from service_kit.migrating import app_role, create_app_clock, create_inbox, create_outbox, protect_table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """
    create table invoice_facts (
        organization_id uuid not null,
        invoice_id uuid not null,
        void_requested_at bigint,
        voided boolean not null default false,
        change_version integer,
        change_sequence bigint,
        change jsonb,
        primary key (organization_id, invoice_id),
        check ((change is null) = (change_version is null) and (change is null) = (change_sequence is null))
    )
    """,
    """
    create table payment_links (
        organization_id uuid not null,
        invoice_id uuid not null,
        attempt integer not null check (attempt >= 1),
        url text not null check (url ~ '^https?://'),
        sandbox boolean not null,
        noted_at timestamptz not null,
        primary key (organization_id, invoice_id, attempt)
    )
    """,
    """
    create table mails (
        organization_id uuid not null,
        mail_id uuid not null,
        invoice_id uuid not null,
        kind text not null check (kind in ('invoice', 'resend', 'reminder', 'receipt', 'owner_alert')),
        state text not null
            check (state in ('waiting', 'queued', 'sending', 'sent', 'failed', 'unknown', 'dropped')),
        collection_method text not null check (collection_method in ('manual', 'stripe')),
        asked_at bigint not null,
        content jsonb not null check (jsonb_typeof(content) = 'object'),
        message_id text not null check (message_id ~ '^<[^<> ]+@[^<> ]+>$'),
        dated_at timestamptz not null,
        task_id uuid,
        tries integer not null default 0 check (tries >= 0),
        first_tried_at timestamptz,
        payment_url text not null default '',
        drop_reason text not null default '',
        created_at timestamptz not null,
        updated_at timestamptz not null,
        primary key (organization_id, mail_id),
        unique (organization_id, message_id),
        check (state <> 'sending' or task_id is not null),
        check ((tries = 0) = (first_tried_at is null)),
        check (collection_method = 'stripe' or payment_url = '')
    )
    """,
    "create index ix_mails_invoice on mails (organization_id, invoice_id)",
    """
    create table deliveries (
        organization_id uuid not null,
        mail_id uuid not null,
        recipient text not null check (recipient <> ''),
        position integer not null,
        state text not null check (state in ('queued', 'sending', 'sent', 'failed', 'unknown', 'dropped')),
        tries integer not null default 0 check (tries >= 0),
        unknowns integer not null default 0 check (unknowns between 0 and 2),
        reason text not null default '',
        due_at timestamptz,
        updated_at timestamptz not null,
        primary key (organization_id, mail_id, recipient),
        foreign key (organization_id, mail_id) references mails (organization_id, mail_id),
        check (state in ('queued', 'unknown') or due_at is null)
    )
    """,
)

# Sent and failed are the last words about a recipient: the database refuses to take them back, whoever asks.
LAST_WORDS = (
    """
    create function keep_last_words() returns trigger language plpgsql as $$ begin
        raise exception 'a delivery that is % stays so', old.state using errcode = 'restrict_violation';
    end $$
    """,
    """
    create trigger deliveries_last_words before update on deliveries for each row
        when (old.state in ('sent', 'failed') and new.state is distinct from old.state)
        execute function keep_last_words()
    """,
)


def upgrade() -> None:
    app = app_role(op)
    create_app_clock(op)
    for statement in (*TABLES, *LAST_WORDS):
        op.execute(statement)
    for table in ("invoice_facts", "mails", "deliveries"):
        protect_table(op, table, app)
    protect_table(op, "payment_links", app, privileges="select, insert")
    create_outbox(op)
    create_inbox(op)
