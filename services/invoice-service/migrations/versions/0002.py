"""Invoices, which cannot change once they are issued, their search words, and the documents that were sent."""

from alembic import op
from service_kit.migrating import app_role, make_append_only, protect_table

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

INVOICES = """
    create table invoices (
        organization_id uuid not null references organizations (id),
        id uuid not null,
        customer_id uuid not null,
        template_id uuid,

        document_status text not null default 'draft'
            check (document_status in ('draft', 'issued', 'voiding', 'void', 'uncollectible', 'deleted')),
        document_type text not null default 'invoice' check (document_type in ('invoice', 'credit_note')),
        title text not null default '',
        currency text not null check (currency ~ '^[A-Z]{3}$'),
        language text not null default 'en',
        layout text not null default 'modern',
        issue_date date,
        due_date date,
        payment_terms_days integer not null default 14 check (payment_terms_days between 0 and 365),
        purchase_order text not null default '',
        prices_include_tax boolean not null default false,
        lines jsonb not null default '[]' check (jsonb_typeof(lines) = 'array' and jsonb_array_length(lines) <= 500),
        allowances jsonb not null default '[]' check (jsonb_typeof(allowances) = 'array'),
        notes text not null default '',
        terms text not null default '',
        message text not null default '',
        metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),

        lines_minor bigint not null default 0 check (lines_minor between 0 and 999999999999),
        net_minor bigint not null default 0 check (net_minor between 0 and 999999999999),
        tax_minor bigint not null default 0 check (tax_minor between 0 and 999999999999),
        total_minor bigint not null default 0 check (total_minor between 0 and 999999999999),

        number text,
        series text,
        sequence_number bigint check (sequence_number >= 1),
        issued_at timestamptz,
        sent_by text not null default '',
        snapshot jsonb,
        snapshot_sha256 text check (snapshot_sha256 ~ '^[0-9a-f]{64}$'),

        mail_id uuid,
        recipients jsonb not null default '{}' check (jsonb_typeof(recipients) = 'object'),
        first_mail_due boolean not null default true,
        document_state text not null default 'none'
            check (document_state in ('none', 'rendering', 'stored', 'failed')),

        collection_method text not null default 'manual' check (collection_method in ('manual', 'stripe')),
        collection_version integer not null default 1 check (collection_version >= 1),
        link_status text not null default 'none'
            check (link_status in ('none', 'creating', 'active', 'closing', 'closed', 'failed')),
        link_attempt integer not null default 0 check (link_attempt >= 0),
        link_url text not null default '',
        link_failure_code text not null default '',
        link_failure_message text not null default '',
        link_sandbox boolean not null default false,

        void_reason text not null default '',
        voided_at timestamptz,
        close_proof jsonb,
        replaces uuid,
        replaced_by uuid,
        page_generation integer not null default 1 check (page_generation >= 1),
        first_viewed_at timestamptz,

        version integer not null default 1 check (version >= 1),
        created_at timestamptz not null,
        updated_at timestamptz not null,

        primary key (organization_id, id),
        unique (organization_id, number),
        unique (organization_id, series, sequence_number),
        foreign key (organization_id, customer_id) references customers (organization_id, id),
        foreign key (organization_id, template_id) references templates (organization_id, id),
        foreign key (organization_id, replaces) references invoices (organization_id, id),
        foreign key (organization_id, replaced_by) references invoices (organization_id, id),

        constraint total_is_net_plus_tax check (total_minor = net_minor + tax_minor),
        constraint numbered_when_issued check (
            case when document_status in ('draft', 'deleted') then number is null and snapshot is null
            else num_nulls(number, series, sequence_number, issued_at, issue_date, due_date, snapshot,
                           snapshot_sha256) = 0 end),
        constraint link_belongs_to_an_attempt check (link_status = 'none' or link_attempt >= 1),
        constraint active_link_has_an_address check (link_status <> 'active' or link_url <> ''),
        constraint void_has_a_time check ((document_status = 'void') = (voided_at is not null))
    )
"""

INDEXES = (
    "create index ix_invoices_newest on invoices (organization_id, created_at desc, id desc)",
    "create index ix_invoices_status on invoices (organization_id, document_status, created_at desc, id desc)",
    "create index ix_invoices_customer on invoices (organization_id, customer_id, created_at desc, id desc)",
    "create index ix_invoices_mail on invoices (organization_id, mail_id) where mail_id is not null",
)

FROZEN = (
    "organization_id", "id", "customer_id", "template_id", "document_type", "title", "currency", "language", "layout",
    "issue_date", "due_date", "payment_terms_days", "purchase_order", "prices_include_tax", "lines", "allowances",
    "notes", "terms", "lines_minor", "net_minor", "tax_minor", "total_minor", "number", "series", "sequence_number",
    "issued_at", "snapshot", "snapshot_sha256",
)  # fmt: skip


def keep_issued_invoices() -> tuple[str, ...]:
    """What was issued stays as it was, `void` and `deleted` are final, and nothing becomes a draft again."""
    frozen = ", ".join(f"'{column}'" for column in FROZEN)
    return (
        f"""
        create function keep_issued_invoice() returns trigger language plpgsql set search_path = invoice, pg_temp as $$
        declare
            changed text;
        begin
            if tg_op = 'DELETE' then
                raise exception 'invoice % cannot be removed; a draft gets the status deleted', old.id
                    using errcode = 'restrict_violation';
            end if;
            if old.document_status = 'draft' then
                return new;
            end if;
            select string_agg(before.key, ', ') into changed
                from jsonb_each(to_jsonb(old)) before join jsonb_each(to_jsonb(new)) after using (key)
                where before.key in ({frozen}) and before.value is distinct from after.value;
            if changed is not null then
                raise exception 'invoice % is issued; % cannot change', old.id, changed
                    using errcode = 'restrict_violation';
            end if;
            if new.document_status <> old.document_status
                    and (old.document_status in ('void', 'deleted') or new.document_status in ('draft', 'deleted')) then
                raise exception 'invoice % cannot go from % to %', old.id, old.document_status, new.document_status
                    using errcode = 'restrict_violation';
            end if;
            return new;
        end $$
        """,
        "create trigger keep_issued before update or delete on invoices for each row execute function "
        "keep_issued_invoice()",
    )


DOCUMENTS = (
    """
    create table documents (
        organization_id uuid not null,
        id uuid not null,
        invoice_id uuid not null,
        kind text not null default 'invoice_pdf' check (kind in ('invoice_pdf')),
        collection_version integer not null default 1 check (collection_version >= 1),
        schema_version integer not null default 1 check (schema_version >= 1),
        filename text not null,
        media_type text not null,
        bytes bytea not null,
        size_bytes integer not null,
        sha256 text not null,
        created_at timestamptz not null,
        primary key (organization_id, id),
        unique (organization_id, invoice_id, kind, collection_version),
        foreign key (organization_id, invoice_id) references invoices (organization_id, id),
        constraint size_is_right check (size_bytes = octet_length(bytes)),
        constraint digest_is_right check (sha256 = encode(sha256(bytes), 'hex'))
    )
    """,
)

SEARCH = (
    """
    create table invoice_search_tokens (
        organization_id uuid not null,
        token text collate "C" not null check (length(token) between 1 and 60),
        invoice_id uuid not null,
        primary key (organization_id, token, invoice_id),
        foreign key (organization_id, invoice_id) references invoices (organization_id, id)
    )
    """,
    "create index ix_invoice_search_tokens_invoice on invoice_search_tokens (organization_id, invoice_id)",
)


def upgrade() -> None:
    for statement in (INVOICES, *INDEXES, *keep_issued_invoices(), *DOCUMENTS, *SEARCH):
        op.execute(statement)
    make_append_only(op, "documents")
    app = app_role(op)
    protect_table(op, "invoices", app)
    protect_table(op, "documents", app, privileges="select, insert")
    protect_table(op, "invoice_search_tokens", app, privileges="select, insert, delete")
