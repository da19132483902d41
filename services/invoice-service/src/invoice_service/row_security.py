"""What migrations say about who may see a row: only the organisation that a transaction has set, whoever asks.

Row security is forced, so even the owner of a table is held to it; without an organisation no row is visible.
"""

from typing import Protocol


class Operations(Protocol):
    """The part of Alembic's ``op`` that is used here."""

    def execute(self, sqltext: str) -> None: ...


def app_role(op: object) -> str:
    """The role that runs the service in this installation, quoted."""
    role: str = op.get_context().config.attributes["app_role"]  # type: ignore[attr-defined]
    return f'"{role}"'


def protect_table(
    op: Operations,
    table: str,
    *,
    column: str = "organization_id",
    privileges: str = "select, insert, update",
) -> None:
    """Force row security on ``table`` and let the app role reach its own organisation's rows."""
    rule = f"{column} = nullif(current_setting('app.organization_id', true), '')::uuid"
    op.execute(f"alter table {table} enable row level security")
    op.execute(f"alter table {table} force row level security")
    op.execute(
        f"create policy {table}_own_organization on {table} to {app_role(op)} using ({rule}) with check ({rule})"
    )
    op.execute(f"grant {privileges} on {table} to {app_role(op)}")
