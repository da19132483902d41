"""Everything the kit brings, and two tables to have effects on."""

from alembic import op
from service_kit.migrating import (
    app_role,
    create_app_clock,
    create_idempotency_keys,
    create_inbox,
    create_outbox,
    make_append_only,
    protect_table,
)

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_app_clock(op)
    create_outbox(op)
    create_inbox(op)
    create_idempotency_keys(op)
    op.execute(
        "create table payment.effects (organization_id uuid not null, id bigint generated always as identity, "
        "event_id uuid not null, note text not null default '', primary key (organization_id, id))"
    )
    protect_table(op, "effects", app_role(op), privileges="select, insert, update, delete")
    op.execute(
        "create table payment.entries (organization_id uuid not null, id integer not null, "
        "primary key (organization_id, id))"
    )
    protect_table(op, "entries", app_role(op), privileges="select, insert, update, delete")
    make_append_only(op, "entries")
