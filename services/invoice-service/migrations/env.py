"""Runs the migrations of the schema `invoice`; the kit knows how, this names the schema."""

from invoice_service.tables import customers, invoices, ledger, messages, organizations, pictures, templates
from invoice_service.tables.schema import METADATA, SCHEMA
from service_kit.migrating import run_migrations

ROWS = (customers, invoices, ledger, messages, organizations, pictures, templates)

run_migrations(metadata=METADATA, schema=SCHEMA)
