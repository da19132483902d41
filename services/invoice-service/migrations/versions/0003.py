"""The receivables ledger and the balances that must equal it, and the pictures built from other services' events."""

from alembic import op
from service_kit.migrating import app_role, make_append_only, protect_table

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

LEDGER = (
    """
    create table ledger_entries (
        organization_id uuid not null references organizations (id),
        id uuid not null,
        invoice_id uuid,
        kind text not null,
        currency text not null check (currency ~ '^[A-Z]{3}$'),
        received_minor bigint not null default 0,
        applied_minor bigint not null default 0,
        credit_minor bigint not null default 0,
        suspense_minor bigint not null default 0,
        due_minor bigint not null default 0,
        provider_entry_id uuid,
        payment_id uuid,
        reverses_id uuid,
        occurred_at timestamptz not null,
        recorded_at timestamptz not null,
        actor text not null default '',
        note text not null default '',
        details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
        primary key (organization_id, id),
        unique (organization_id, provider_entry_id),
        unique (organization_id, reverses_id),
        foreign key (organization_id, invoice_id) references invoices (organization_id, id),
        foreign key (organization_id, reverses_id) references ledger_entries (organization_id, id),

        constraint posting_balances check (received_minor = applied_minor + credit_minor + suspense_minor),
        constraint kind_has_its_sign check (
            case kind
                when 'capture' then received_minor > 0
                when 'manual' then received_minor > 0
                when 'reinstated' then received_minor > 0
                when 'refund_failed' then received_minor > 0
                when 'manual_reversal' then received_minor < 0
                when 'refund' then received_minor < 0
                when 'reversal' then received_minor < 0
                when 'withdrawn' then received_minor < 0
                when 'apply' then received_minor = 0 and applied_minor > 0
                when 'unapply' then received_minor = 0 and applied_minor < 0
                when 'credit' then received_minor = 0 and credit_minor <> 0
                when 'suspense' then received_minor = 0 and suspense_minor <> 0
                when 'credit_note' then received_minor = 0
                when 'write_off' then received_minor = 0
                else false
            end),
        constraint only_some_kinds_lower_the_debt check (
            case when kind in ('credit_note', 'write_off')
                then due_minor < 0 and applied_minor = 0 and credit_minor = 0 and suspense_minor = 0
                else due_minor = 0
            end),
        constraint provider_kinds_name_their_entry check (
            (provider_entry_id is not null)
            = (kind in ('capture', 'refund', 'refund_failed', 'reversal', 'withdrawn', 'reinstated'))),
        constraint manual_kinds_name_their_payment check (
            (payment_id is not null) = (kind in ('manual', 'manual_reversal'))),
        constraint reversals_name_what_they_reverse check ((reverses_id is not null) = (kind = 'manual_reversal'))
    )
    """,
    "create index ix_ledger_entries_invoice on ledger_entries (organization_id, invoice_id, recorded_at)",
    "create unique index uq_ledger_entries_payment on ledger_entries (organization_id, payment_id) "
    "where kind = 'manual'",
    """
    create table invoice_balances (
        organization_id uuid not null,
        invoice_id uuid not null,
        currency text not null,
        total_minor bigint not null check (total_minor >= 0),
        received_minor bigint not null default 0,
        applied_minor bigint not null default 0,
        suspense_minor bigint not null default 0,
        due_minor bigint not null check (due_minor >= 0),
        payment_status text not null default 'unpaid' check (payment_status in (
            'unpaid', 'processing', 'partially_paid', 'paid', 'overpaid', 'partially_refunded', 'refunded',
            'disputed')),
        updated_at timestamptz not null,
        primary key (organization_id, invoice_id),
        foreign key (organization_id, invoice_id) references invoices (organization_id, id),
        constraint applied_is_within_the_total check (applied_minor between 0 and total_minor)
    )
    """,
)

# Runs at commit, with the organisation that the transaction had set. A transaction that has lost it sees no balance
# and is refused, which is the safe side.
BALANCES_EQUAL_THE_LEDGER = (
    """
    create function check_invoice_balance() returns trigger language plpgsql set search_path = invoice, pg_temp as $$
    declare
        kept invoice_balances;
        posted record;
    begin
        if new.invoice_id is null then
            return null;
        end if;
        select * into kept from invoice_balances
            where organization_id = new.organization_id and invoice_id = new.invoice_id;
        if not found then
            raise exception 'invoice % has postings and no balance', new.invoice_id
                using errcode = 'check_violation', constraint = 'balance_equals_postings';
        end if;
        select coalesce(sum(received_minor) filter (where currency = kept.currency), 0) as received_minor,
               coalesce(sum(applied_minor) filter (where currency = kept.currency), 0) as applied_minor,
               coalesce(sum(suspense_minor) filter (where currency = kept.currency), 0) as suspense_minor,
               coalesce(sum(due_minor) filter (where currency = kept.currency), 0) as due_minor,
               coalesce(bool_or(currency <> kept.currency and (applied_minor <> 0 or due_minor <> 0)), false)
                   as foreign_money_applied
            into posted from ledger_entries
            where organization_id = new.organization_id and invoice_id = new.invoice_id;
        if posted.foreign_money_applied
                or kept.received_minor <> posted.received_minor
                or kept.applied_minor <> posted.applied_minor
                or kept.suspense_minor <> posted.suspense_minor
                or kept.due_minor <> kept.total_minor + posted.due_minor - posted.applied_minor
                or not exists (select from invoices
                               where organization_id = new.organization_id and id = new.invoice_id
                                 and total_minor = kept.total_minor and currency = kept.currency) then
            raise exception 'the balance of invoice % is not the sum of its postings', new.invoice_id
                using errcode = 'check_violation', constraint = 'balance_equals_postings';
        end if;
        return null;
    end $$
    """,
    "create constraint trigger balance_equals_postings after insert or update on invoice_balances "
    "deferrable initially deferred for each row execute function check_invoice_balance()",
    "create constraint trigger balance_equals_postings after insert on ledger_entries "
    "deferrable initially deferred for each row execute function check_invoice_balance()",
)

PICTURES = (
    """
    create table payment_facts (
        organization_id uuid not null,
        id uuid not null,
        invoice_id uuid not null,
        kind text not null,
        ref text not null,
        occurred_at timestamptz not null,
        primary key (organization_id, id),
        unique (organization_id, kind, ref),
        foreign key (organization_id, invoice_id) references invoices (organization_id, id)
    )
    """,
    """
    create table deliveries (
        organization_id uuid not null,
        mail_id uuid not null,
        recipient text not null,
        invoice_id uuid not null,
        kind text not null,
        state text not null check (state in ('queued', 'sending', 'sent', 'failed', 'unknown', 'bounced')),
        message_id text not null default '',
        reason text not null default '',
        duplicate_possible boolean not null default false,
        created_at timestamptz not null,
        updated_at timestamptz not null,
        primary key (organization_id, mail_id, recipient),
        foreign key (organization_id, invoice_id) references invoices (organization_id, id)
    )
    """,
    "create index ix_deliveries_invoice on deliveries (organization_id, invoice_id)",
    """
    create table stripe_connections (
        organization_id uuid primary key references organizations (id),
        version bigint not null,
        status text not null check (status in ('not_connected', 'ready', 'attention')),
        account_id text not null default '',
        account_name text not null default '',
        country text not null default '',
        default_currency text not null default '',
        mode text check (mode in ('live', 'test')),
        sandbox boolean not null default false,
        key_kind text not null default '',
        key_last4 text not null default '' check (length(key_last4) <= 4),
        webhook_status text not null default '',
        problem_code text not null default '',
        problem text not null default '',
        updated_at timestamptz not null
    )
    """,
)


def upgrade() -> None:
    for statement in (*LEDGER, *BALANCES_EQUAL_THE_LEDGER, *PICTURES):
        op.execute(statement)
    app = app_role(op)
    for table in ("ledger_entries", "payment_facts"):
        make_append_only(op, table)
        protect_table(op, table, app, privileges="select, insert")
    for table in ("invoice_balances", "deliveries", "stripe_connections"):
        protect_table(op, table, app)
