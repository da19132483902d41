"""Who uses the product: organisations with their defaults, their API keys, and their running numbers."""

from datetime import datetime
from typing import Any
from uuid import UUID

from contracts.events.invoice import CollectionMethod
from sqlalchemy import BigInteger, LargeBinary, Text
from sqlalchemy.dialects.postgresql import ARRAY
from sqlmodel import Field

from invoice_service.domain.statuses import OverpaymentPolicy
from invoice_service.tables.schema import Json, Row, Timestamp, text_of


class Organization(Row, table=True):
    """``id`` is the organisation itself: row security compares it, where other tables have ``organization_id``."""

    __tablename__ = "organizations"

    id: UUID = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    legal_name: str = Field(default="", sa_type=Text)
    address: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    tax_id: str = Field(default="", sa_type=Text)
    email: str = Field(default="", sa_type=Text)
    phone: str = Field(default="", sa_type=Text)
    sender_name: str = Field(default="", sa_type=Text)
    signature: str = Field(default="", sa_type=Text)
    time_zone: str = Field(default="UTC", sa_type=Text)
    default_currency: str = Field(default="EUR", sa_type=Text)
    default_collection_method: CollectionMethod = Field(
        default=CollectionMethod.MANUAL, sa_type=text_of(CollectionMethod)
    )
    invoice_prefix: str = Field(default="INV", sa_type=Text)
    payment_terms_days: int = Field(default=14)
    bank_details: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    brand_color: str = Field(default="", sa_type=Text)
    language: str = Field(default="en", sa_type=Text)
    overpayment_policy: OverpaymentPolicy = Field(default=OverpaymentPolicy.ASK, sa_type=text_of(OverpaymentPolicy))
    version: int = Field(default=1)
    created_at: datetime = Field(sa_type=Timestamp)
    updated_at: datetime = Field(sa_type=Timestamp)


class ApiKey(Row, table=True):
    """The secret itself is nowhere: only its HMAC under the pepper, and the last four characters to tell keys apart."""

    __tablename__ = "api_keys"

    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    name: str = Field(sa_type=Text)
    prefix: str = Field(sa_type=Text)
    secret_hmac: bytes = Field(sa_type=LargeBinary)
    last4: str = Field(sa_type=Text)
    scopes: list[str] = Field(sa_type=ARRAY(Text))
    created_at: datetime = Field(sa_type=Timestamp)
    expires_at: datetime | None = Field(default=None, sa_type=Timestamp)
    revoked_at: datetime | None = Field(default=None, sa_type=Timestamp)
    last_used_at: datetime | None = Field(default=None, sa_type=Timestamp)
    """To the hour."""
    created_by: str = Field(default="", sa_type=Text)
    replaced_by: UUID | None = Field(default=None)
    """The key that was made when this one was rolled; each can be rolled once."""


class NumberSeries(Row, table=True):
    """The last number given out in one series; locked by whoever issues, so that none is skipped or doubled."""

    __tablename__ = "number_series"

    organization_id: UUID = Field(primary_key=True)
    series: str = Field(primary_key=True, sa_type=Text)
    last_number: int = Field(default=0, sa_type=BigInteger)
