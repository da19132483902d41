"""The one registry and naming convention of the schema `invoice`, and the column types that its tables share.

Every row class inherits `Row`, so no table of another service can end up in this metadata.
"""

from datetime import datetime
from enum import StrEnum
from typing import Any

from sqlalchemy import TIMESTAMP, Enum, MetaData
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import registry
from sqlalchemy.types import TypeDecorator
from sqlmodel import SQLModel

SCHEMA = "invoice"

METADATA = MetaData(
    schema=SCHEMA,
    naming_convention={
        "pk": "pk_%(table_name)s",
        "fk": "fk_%(table_name)s_%(column_0_N_name)s",
        "uq": "uq_%(table_name)s_%(column_0_N_name)s",
        "ix": "ix_%(table_name)s_%(column_0_N_name)s",
        "ck": "ck_%(table_name)s_%(constraint_name)s",
    },
)


class Row(SQLModel, registry=registry(metadata=METADATA)):
    """A row of this schema. It is not validated when made: requests are parsed by their own models before."""


class Timestamp(TypeDecorator[datetime]):
    """A moment with its zone; asyncpg gives it back in UTC."""

    impl = TIMESTAMP(timezone=True)
    cache_ok = True


class Json(TypeDecorator[Any]):
    """JSONB where None is SQL NULL, so that `is null` and CHECK constraints mean what they say."""

    impl = JSONB(none_as_null=True)
    cache_ok = True


def text_of(words: type[StrEnum]) -> Any:
    """The column type of a word from ``words``: text in the database, the member of the enumeration in Python."""
    return Enum(
        words,
        native_enum=False,
        create_constraint=False,
        length=None,
        values_callable=lambda kind: [member.value for member in kind],
    )
