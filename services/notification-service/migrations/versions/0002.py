"""What each payment link asks for, and when an invoice was paid in full."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("alter table invoice_facts add column paid_at bigint")
    op.execute("alter table payment_links add column amount_minor bigint check (amount_minor >= 0)")
