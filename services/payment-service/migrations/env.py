"""Runs this schema's migrations; everything but its name and its tables is the kit's."""

from payment_service.tables import REGISTRY, SCHEMA
from service_kit.migrating import run_migrations

run_migrations(metadata=REGISTRY.metadata, schema=SCHEMA)
