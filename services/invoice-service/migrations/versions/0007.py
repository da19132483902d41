"""An index by age on the idempotency keys, so that those a day old are found and forgotten."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("create index ix_idempotency_keys_age on idempotency_keys (organization_id, created_at)")
