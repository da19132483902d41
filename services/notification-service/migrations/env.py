"""Runs the migrations of the schema `notification`; the kit knows how, this names the schema."""

from notification_service.tables import METADATA, SCHEMA
from service_kit.migrating import run_migrations

run_migrations(metadata=METADATA, schema=SCHEMA)
