"""People: users, their sessions, what organisations they belong to, invitations, mailed secrets, and the audit log."""

from alembic import op
from service_kit.migrating import app_role, grant_table, make_append_only, names, protect_table
from service_kit.provision import quoted

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

TABLES = (
    """
    create table users (
        id uuid primary key,
        email text not null check (length(email) between 3 and 254),
        email_key text not null unique check (length(email_key) between 3 and 254),
        name text not null default '' check (length(name) <= 200),
        language text not null default 'en',
        password_hash text check (password_hash like '$argon2id$%'),
        password_changed_at timestamptz,
        disabled_at timestamptz,
        created_at timestamptz not null,
        updated_at timestamptz not null
    )
    """,
    """
    create table user_sessions (
        user_id uuid not null references users (id),
        id uuid not null,
        token_hmac bytea not null unique check (octet_length(token_hmac) = 32),
        created_at timestamptz not null,
        last_seen_at timestamptz not null,
        expires_at timestamptz not null check (expires_at > created_at),
        ended_at timestamptz,
        address text not null default '' check (length(address) <= 100),
        user_agent text not null default '' check (length(user_agent) <= 200),
        primary key (user_id, id)
    )
    """,
    """
    create table memberships (
        organization_id uuid not null references organizations (id),
        user_id uuid not null references users (id),
        role text not null check (role in ('owner', 'accountant', 'viewer')),
        version integer not null default 1 check (version >= 1),
        created_at timestamptz not null,
        updated_at timestamptz not null,
        primary key (organization_id, user_id)
    )
    """,
    "create index ix_memberships_user on memberships (user_id)",
    """
    create table invitations (
        organization_id uuid not null references organizations (id),
        id uuid not null,
        email text not null check (length(email) between 3 and 254),
        email_key text not null,
        role text not null check (role in ('owner', 'accountant', 'viewer')),
        language text not null default 'en',
        invited_by text not null,
        inviter_name text not null default '',
        created_at timestamptz not null,
        expires_at timestamptz not null check (expires_at > created_at),
        accepted_at timestamptz,
        accepted_by uuid references users (id),
        revoked_at timestamptz,
        mail_id uuid not null,
        mail_outcome text not null default 'queued',
        mail_reason text not null default '',
        primary key (organization_id, id)
    )
    """,
    """
    create unique index uq_invitations_open on invitations (organization_id, email_key)
        where accepted_at is null and revoked_at is null
    """,
    """
    create table account_mails (
        organization_id uuid not null references organizations (id),
        id uuid not null,
        kind text not null check (kind in ('invitation', 'password_reset', 'password_changed')),
        user_id uuid references users (id),
        invitation_id uuid,
        created_at timestamptz not null,
        good_until timestamptz not null,
        outcome text not null default 'queued',
        primary key (organization_id, id),
        foreign key (organization_id, invitation_id) references invitations (organization_id, id),
        check ((kind = 'invitation') = (invitation_id is not null)),
        check ((kind <> 'invitation') = (user_id is not null))
    )
    """,
    """
    create table account_secrets (
        organization_id uuid not null,
        token_hmac bytea not null check (octet_length(token_hmac) = 32),
        mail_id uuid not null,
        created_at timestamptz not null,
        expires_at timestamptz not null,
        used_at timestamptz,
        primary key (organization_id, token_hmac),
        foreign key (organization_id, mail_id) references account_mails (organization_id, id)
    )
    """,
    "create index ix_account_secrets_token on account_secrets (token_hmac)",
    "create index ix_account_secrets_mail on account_secrets (organization_id, mail_id)",
    """
    create table sign_in_failures (
        subject bytea primary key check (octet_length(subject) = 32),
        failures integer not null check (failures >= 0),
        first_at timestamptz not null,
        blocked_until timestamptz
    )
    """,
    "create index ix_sign_in_failures_age on sign_in_failures (first_at)",
    """
    create table audit_log (
        organization_id uuid not null references organizations (id),
        id uuid not null,
        at timestamptz not null,
        actor_kind text not null check (actor_kind in ('person', 'api_key', 'operator', 'system', 'nobody')),
        actor text not null,
        actor_name text not null default '' check (length(actor_name) <= 254),
        action text not null check (action ~ '^[a-z0-9_]+(\\.[a-z0-9_]+)*$'),
        object_type text not null default '',
        object_id text not null default '',
        address text not null default '' check (length(address) <= 100),
        user_agent text not null default '' check (length(user_agent) <= 200),
        request_id text not null default '',
        details jsonb not null default '{}' check (jsonb_typeof(details) = 'object'),
        primary key (organization_id, id)
    )
    """,
    "create index ix_audit_log_newest on audit_log (organization_id, at desc, id desc)",
    "create index ix_audit_log_object on audit_log (organization_id, object_id, at desc)",
    "alter table api_keys add column created_by text not null default ''",
    "alter table api_keys add column replaced_by uuid",
    "alter table api_keys drop constraint api_keys_scopes_check",
    """
    alter table api_keys add constraint api_keys_scopes_check
        check (scopes <@ array['read', 'write', 'admin'] and cardinality(scopes) > 0)
    """,
)

# Nobody has an organisation yet when a session, an address or a mailed secret is presented, so these look-ups run as
# the schema's owner, past row security. Each takes what the caller must know already and gives only what is needed.
LOOK_UPS = {
    "find_api_key (uuid)": """
    create function find_api_key(wanted uuid)
        returns table (organization_id uuid, name text, prefix text, secret_hmac bytea, scopes text[],
                       expires_at timestamptz, revoked_at timestamptz, last_used_at timestamptz)
        language sql stable security definer rows 1 set search_path = invoice, pg_temp
    as $$
        select k.organization_id, k.name, k.prefix, k.secret_hmac, k.scopes, k.expires_at, k.revoked_at, k.last_used_at
        from api_keys k where k.id = wanted
    $$
    """,
    "find_session (bytea)": """
    create function find_session(wanted bytea)
        returns table (user_id uuid, session_id uuid, email text, name text, language text, created_at timestamptz,
                       last_seen_at timestamptz, expires_at timestamptz, ended_at timestamptz, disabled_at timestamptz)
        language sql stable security definer rows 1 set search_path = invoice, pg_temp
    as $$
        select s.user_id, s.id, u.email, u.name, u.language, s.created_at, s.last_seen_at, s.expires_at, s.ended_at,
               u.disabled_at
        from user_sessions s join users u on u.id = s.user_id where s.token_hmac = wanted
    $$
    """,
    "find_user_by_email (text)": """
    create function find_user_by_email(wanted text)
        returns table (user_id uuid, email text, name text, language text, password_hash text, disabled_at timestamptz)
        language sql stable security definer rows 1 set search_path = invoice, pg_temp
    as $$
        select u.id, u.email, u.name, u.language, u.password_hash, u.disabled_at from users u
        where u.email_key = wanted
    $$
    """,
    "find_account_secret (bytea)": """
    create function find_account_secret(wanted bytea)
        returns table (organization_id uuid, mail_id uuid, kind text, user_id uuid, invitation_id uuid,
                       expires_at timestamptz, used_at timestamptz)
        language sql stable security definer rows 1 set search_path = invoice, pg_temp
    as $$
        select m.organization_id, m.id, m.kind, m.user_id, m.invitation_id, s.expires_at, s.used_at
        from account_secrets s join account_mails m on m.organization_id = s.organization_id and m.id = s.mail_id
        where s.token_hmac = wanted
    $$
    """,
}

ME = "nullif(current_setting('app.user_id', true), '')::uuid"
ORGANIZATION = "nullif(current_setting('app.organization_id', true), '')::uuid"


def upgrade() -> None:
    app = app_role(op)
    for statement in TABLES:
        op.execute(statement)
    for table in ("memberships", "invitations", "account_mails"):
        protect_table(op, table, app, privileges="select, insert, update, delete")
    protect_table(op, "account_secrets", app)
    protect_table(op, "audit_log", app, privileges="select, insert")
    make_append_only(op, "audit_log")
    _open_to_person("users", app, key="id", privileges="select, insert, update")
    _open_to_person("user_sessions", app, key="user_id", privileges="select, insert, update")
    _let_members_see_each_other(app)
    grant_table(op, "sign_in_failures", app, privileges="select, insert, update, delete")
    op.execute("drop function find_api_key (uuid)")
    for signature, look_up in LOOK_UPS.items():
        op.execute(look_up)
        op.execute(f"revoke all on function {signature} from public")
        op.execute(f'grant execute on function {signature} to "{app}"')


def _open_to_person(table: str, app: str, *, key: str, privileges: str) -> None:
    """Rows of one person: seen and written only while ``app.user_id`` names that person."""
    owner = quoted(names(op).owner)
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(f'create policy {table}_person on {table} to "{app}" using ({key} = {ME}) with check ({key} = {ME})')
    op.execute(f"create policy {table}_owner on {table} to {owner} using (true) with check (true)")
    grant_table(op, table, app, privileges=privileges)


def _let_members_see_each_other(app: str) -> None:
    """Names and addresses of the members of the organisation; and each person's own memberships, wherever they are."""
    op.execute(
        f"""
        create policy users_members on users for select to "{app}"
        using (exists (select 1 from memberships m where m.organization_id = {ORGANIZATION} and m.user_id = users.id))
        """
    )
    op.execute(f'create policy memberships_own on memberships for select to "{app}" using (user_id = {ME})')
    # What a person belongs to is named by its organisation's name, which no other policy shows without a choice made.
    op.execute(
        f"""
        create policy organizations_own on organizations for select to "{app}"
        using (exists (select 1 from memberships m where m.organization_id = organizations.id and m.user_id = {ME}))
        """
    )
