"""Runs the migrations of the schema `invoice` on the connection that `invoice_service.migrate` hands over."""

from alembic import context
from invoice_service.tables.schema import METADATA, SCHEMA

connection = context.config.attributes["connection"]
context.configure(
    connection=connection,
    target_metadata=METADATA,
    version_table_schema=SCHEMA,
    include_schemas=True,
    include_name=lambda name, kind, _parents: kind != "schema" or name == SCHEMA,
    transaction_per_migration=True,
)
with context.begin_transaction():
    context.run_migrations()
