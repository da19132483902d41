"""Who did what to which object from where. The database refuses every change of a row."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text
from sqlmodel import Field

from invoice_service.domain.actors import ActorKind
from invoice_service.tables.schema import Json, Row, Timestamp, text_of


class AuditEntry(Row, table=True):
    """``actor_name`` is as it was then: an entry still reads well when the person or key is gone."""

    __tablename__ = "audit_log"

    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    at: datetime = Field(sa_type=Timestamp)
    actor_kind: ActorKind = Field(sa_type=text_of(ActorKind))
    actor: str = Field(sa_type=Text)
    actor_name: str = Field(default="", sa_type=Text)
    action: str = Field(sa_type=Text)
    object_type: str = Field(default="", sa_type=Text)
    object_id: str = Field(default="", sa_type=Text)
    address: str = Field(default="", sa_type=Text)
    user_agent: str = Field(default="", sa_type=Text)
    request_id: str = Field(default="", sa_type=Text)
    details: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
