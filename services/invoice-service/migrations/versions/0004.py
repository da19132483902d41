"""Messages: what leaves by the outbox, what arrives in the inbox, and writes that must happen once."""

from alembic import op
from service_kit.migrating import create_idempotency_keys, create_inbox, create_outbox

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    create_outbox(op)
    create_inbox(op)
    create_idempotency_keys(op)
