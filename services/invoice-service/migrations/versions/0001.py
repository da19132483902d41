"""Who uses the product and whom they bill: organisations, API keys, numbers, customers, templates."""

from alembic import op
from service_kit.migrating import app_role, create_app_clock, protect_table

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

TABLES = (
    """
    create table organizations (
        id uuid primary key,
        name text not null check (length(name) between 1 and 200),
        legal_name text not null default '',
        address jsonb not null default '{}' check (jsonb_typeof(address) = 'object'),
        tax_id text not null default '',
        email text not null default '',
        phone text not null default '',
        sender_name text not null default '',
        signature text not null default '',
        time_zone text not null default 'UTC',
        default_currency text not null default 'EUR' check (default_currency ~ '^[A-Z]{3}$'),
        default_collection_method text not null default 'manual'
            check (default_collection_method in ('manual', 'stripe')),
        invoice_prefix text not null default 'INV' check (invoice_prefix ~ '^[A-Z0-9]{1,10}$'),
        payment_terms_days integer not null default 14 check (payment_terms_days between 0 and 365),
        bank_details jsonb not null default '{}' check (jsonb_typeof(bank_details) = 'object'),
        brand_color text not null default '' check (brand_color ~ '^(#[0-9a-f]{6})?$'),
        language text not null default 'en',
        overpayment_policy text not null default 'ask' check (overpayment_policy in ('ask', 'refund', 'credit')),
        version integer not null default 1 check (version >= 1),
        created_at timestamptz not null,
        updated_at timestamptz not null
    )
    """,
    """
    create table api_keys (
        organization_id uuid not null references organizations (id),
        id uuid not null,
        name text not null check (length(name) between 1 and 200),
        prefix text not null check (prefix in ('ic_live', 'ic_test')),
        secret_hmac bytea not null check (octet_length(secret_hmac) = 32),
        last4 text not null check (length(last4) = 4),
        scopes text[] not null check (scopes <@ array['read', 'write'] and cardinality(scopes) > 0),
        created_at timestamptz not null,
        expires_at timestamptz,
        revoked_at timestamptz,
        last_used_at timestamptz,
        primary key (organization_id, id)
    )
    """,
    "create index ix_api_keys_id on api_keys (id)",
    """
    create table number_series (
        organization_id uuid not null references organizations (id),
        series text not null,
        last_number bigint not null default 0 check (last_number >= 0),
        primary key (organization_id, series)
    )
    """,
    """
    create table customers (
        organization_id uuid not null references organizations (id),
        id uuid not null,
        name text not null check (length(name) between 1 and 200),
        legal_name text not null default '',
        contact_name text not null default '',
        email text not null default '',
        phone text not null default '',
        address jsonb not null default '{}' check (jsonb_typeof(address) = 'object'),
        tax_id text not null default '',
        language text not null default '',
        currency text not null default '' check (currency ~ '^([A-Z]{3})?$'),
        notes text not null default '',
        metadata jsonb not null default '{}' check (jsonb_typeof(metadata) = 'object'),
        version integer not null default 1 check (version >= 1),
        archived_at timestamptz,
        created_at timestamptz not null,
        updated_at timestamptz not null,
        primary key (organization_id, id)
    )
    """,
    "create index ix_customers_newest on customers (organization_id, created_at desc, id desc)",
    """
    create table customer_search_tokens (
        organization_id uuid not null,
        token text collate "C" not null check (length(token) between 1 and 60),
        customer_id uuid not null,
        primary key (organization_id, token, customer_id),
        foreign key (organization_id, customer_id) references customers (organization_id, id)
    )
    """,
    "create index ix_customer_search_tokens_customer on customer_search_tokens (organization_id, customer_id)",
    """
    create table templates (
        organization_id uuid not null references organizations (id),
        id uuid not null,
        slug text not null check (slug ~ '^[a-z0-9]+(-[a-z0-9]+)*$' and length(slug) <= 60),
        name text not null check (length(name) between 1 and 200),
        description text not null default '',
        provided boolean not null default false,
        content jsonb not null check (jsonb_typeof(content) = 'object'),
        version integer not null default 1 check (version >= 1),
        created_at timestamptz not null,
        updated_at timestamptz not null,
        primary key (organization_id, id),
        unique (organization_id, slug)
    )
    """,
)

# The organisation of a request is unknown until its key is found, so this one look-up runs as the schema's owner, past
# row security. It takes the id of a key and gives only what is needed to check the secret.
KEY_LOOK_UP = (
    """
    create function find_api_key(wanted uuid)
        returns table (organization_id uuid, prefix text, secret_hmac bytea, scopes text[],
                       expires_at timestamptz, revoked_at timestamptz, last_used_at timestamptz)
        language sql stable security definer rows 1 set search_path = invoice, pg_temp
    as $$
        select k.organization_id, k.prefix, k.secret_hmac, k.scopes, k.expires_at, k.revoked_at, k.last_used_at
        from api_keys k where k.id = wanted
    $$
    """,
    "revoke all on function find_api_key (uuid) from public",
)


def upgrade() -> None:
    app = app_role(op)
    create_app_clock(op)
    for statement in TABLES:
        op.execute(statement)
    protect_table(op, "organizations", app, organization_column="id")
    for table in ("api_keys", "number_series", "customers", "templates"):
        protect_table(op, table, app)
    protect_table(op, "customer_search_tokens", app, privileges="select, insert, delete")
    for statement in KEY_LOOK_UP:
        op.execute(statement)
    op.execute(f'grant execute on function find_api_key (uuid) to "{app}"')
