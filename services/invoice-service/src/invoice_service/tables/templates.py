"""What a new invoice starts from: the provided templates of an organisation and its own."""

from datetime import datetime
from typing import Any
from uuid import UUID

from sqlalchemy import Text
from sqlmodel import Field

from invoice_service.tables.schema import Json, Row, Timestamp


class Template(Row, table=True):
    """``content`` is an `invoice_service.api.templates.TemplateContent` as JSON."""

    __tablename__ = "templates"

    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    slug: str = Field(sa_type=Text)
    name: str = Field(sa_type=Text)
    description: str = Field(default="", sa_type=Text)
    provided: bool = Field(default=False)
    content: dict[str, Any] = Field(default_factory=dict, sa_type=Json)
    version: int = Field(default=1)
    created_at: datetime = Field(sa_type=Timestamp)
    updated_at: datetime = Field(sa_type=Timestamp)
