"""The schema of the kit's own tests, run the way a service runs its migrations."""

from service_kit.migrating import run_migrations
from sqlmodel import SQLModel

run_migrations(metadata=SQLModel.metadata, schema="payment")
