"""The shape of the tables that the kit brings, as each schema has them; `service_kit.migrating` puts up their walls.

Every default time is the schema's own ``app_now()``; constraints are the last word on what a row can be.
"""


def app_clock_sql(schema: str) -> str:
    return f"""
create table {schema}.app_clock (
    only_row boolean primary key default true check (only_row),
    offset_interval interval not null default interval '0'
)
"""


def outbox_sql(schema: str) -> str:
    return f"""
create table {schema}.outbox (
    id bigint generated always as identity primary key,
    event_id uuid not null unique,
    organization_id uuid not null,
    aggregate_id uuid not null,
    subject text not null,
    type text not null,
    payload jsonb not null,
    correlation_id text not null,
    causation_id text not null default '',
    traceparent text not null default '',
    actor text not null default '',
    occurred_at timestamptz not null default {schema}.app_now(),
    published_at timestamptz,
    attempts integer not null default 0,
    next_at timestamptz not null default {schema}.app_now(),
    last_error text
)
"""


def inbox_sql(schema: str) -> str:
    return f"""
create table {schema}.inbox (
    consumer text not null,
    event_id uuid not null,
    organization_id uuid,
    type text not null,
    payload jsonb not null,
    sequence bigint,
    correlation_id text not null default '',
    causation_id text not null default '',
    traceparent text not null default '',
    actor text not null default '',
    received_at timestamptz not null default {schema}.app_now(),
    state text not null default 'ready' check (state in ('ready', 'leased', 'done', 'parked')),
    attempts integer not null default 0,
    sweeps integer not null default 0,
    next_at timestamptz not null default {schema}.app_now(),
    lease_token uuid,
    lease_until timestamptz,
    worker_id integer,
    first_failed_at timestamptz,
    first_error text,
    last_error text,
    park_reason text,
    parked_at timestamptz,
    done_at timestamptz,
    primary key (consumer, event_id),
    check ((state = 'leased') = (lease_token is not null)),
    check (state <> 'parked' or park_reason is not null)
)
"""


def idempotency_keys_sql(schema: str) -> str:
    return f"""
create table {schema}.idempotency_keys (
    organization_id uuid not null,
    key text not null,
    fingerprint bytea not null,
    status integer,
    headers jsonb,
    body jsonb,
    created_at timestamptz not null default {schema}.app_now(),
    primary key (organization_id, key)
)
"""
