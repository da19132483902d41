"""Whom an organisation bills, and the words by which they are found."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text
from sqlmodel import Field

from invoice_service.tables.schema import Json, Row, Timestamp


class Customer(Row, table=True):
    __tablename__ = "customers"

    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    legal_name: str = Field(default="", sa_type=Text)
    contact_name: str = Field(default="", sa_type=Text)
    email: str = Field(default="", sa_type=Text)
    phone: str = Field(default="", sa_type=Text)
    address: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    tax_id: str = Field(default="", sa_type=Text)
    language: str = Field(default="", sa_type=Text)
    currency: str = Field(default="", sa_type=Text)
    notes: str = Field(default="", sa_type=Text)
    metadata_: dict[str, Any] = Field(default_factory=dict, sa_type=Json, sa_column_kwargs={"name": "metadata"})
    version: int = Field(default=1)
    archived_at: datetime | None = Field(default=None, sa_type=Timestamp)
    created_at: datetime = Field(sa_type=Timestamp)
    updated_at: datetime = Field(sa_type=Timestamp)


class CustomerSearchToken(Row, table=True):
    """One lower-case word of a customer. Equality and prefix ranges only: they keep their index under RLS."""

    __tablename__ = "customer_search_tokens"

    organization_id: UUID = Field(primary_key=True)
    token: str = Field(primary_key=True, sa_type=Text)
    customer_id: UUID = Field(primary_key=True)
