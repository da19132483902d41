"""Mails about accounts: they belong to no invoice, are collected by no method and never carry a payment address."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ACCOUNT_KINDS = "('invitation', 'password_reset', 'password_changed')"


def upgrade() -> None:
    op.execute("alter table mails alter column invoice_id drop not null, alter column collection_method drop not null")
    op.execute("alter table mails drop constraint mails_kind_check")
    op.execute(
        f"""
        alter table mails
            add constraint mails_kind_check check (
                kind in ('invoice', 'resend', 'reminder', 'receipt', 'owner_alert') or kind in {ACCOUNT_KINDS}
            ),
            add constraint mails_of_accounts check ((invoice_id is null) = (kind in {ACCOUNT_KINDS})),
            add constraint mails_of_invoices check ((invoice_id is null) = (collection_method is null)),
            add constraint mails_without_invoice check (invoice_id is not null or payment_url = '')
        """
    )
