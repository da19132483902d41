"""What the rotation of master keys needs: wrap a data key anew in place, and see everywhere which key wraps what.

The two lists are for the worker's role, which alone looks across organisations; they show ids and never a wrapped key.
"""

from alembic import op
from service_kit.migrating import names
from service_kit.provision import quoted

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute(f"grant update (wrapped) on payment.data_keys to {quoted(names(op).app)}")
    op.execute("create index data_keys_wrapped_by on payment.data_keys (split_part(wrapped, ':', 2), id)")
    op.execute(
        """
        create function payment.data_keys_wrapped_by(wanted text, after_key uuid, count_max integer)
        returns table (organization_id uuid, key_id uuid)
        language sql stable security definer set search_path = payment, pg_temp
        as $$
            select d.organization_id, d.id from data_keys d
             where split_part(d.wrapped, ':', 2) = wanted and d.id > after_key order by d.id limit count_max
        $$
        """
    )
    op.execute(
        """
        create function payment.data_keys_counted() returns table (master_key_id text, data_keys bigint)
        language sql stable security definer set search_path = payment, pg_temp
        as $$ select split_part(wrapped, ':', 2), count(*) from data_keys group by 1 order by 1 $$
        """
    )
    worker = quoted(names(op).worker)
    for function in ("data_keys_wrapped_by(text, uuid, integer)", "data_keys_counted()"):
        op.execute(f"revoke all on function payment.{function} from public")
        op.execute(f"grant execute on function payment.{function} to {worker}")


def downgrade() -> None:
    for function in ("data_keys_wrapped_by(text, uuid, integer)", "data_keys_counted()"):
        op.execute(f"drop function payment.{function}")
    op.execute("drop index payment.data_keys_wrapped_by")
    op.execute(f"revoke update (wrapped) on payment.data_keys from {quoted(names(op).app)}")
