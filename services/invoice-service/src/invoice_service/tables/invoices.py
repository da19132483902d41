"""The invoice from draft to end, its search words, and the stored bytes of its document.

What an invoice said when it was issued cannot change: a trigger of the database refuses it, whoever asks.
"""

from datetime import date, datetime
from typing import Any
from uuid import UUID

from contracts.document import DocumentType, Layout
from contracts.events.invoice import CollectionMethod
from sqlalchemy import BigInteger, LargeBinary, Text
from sqlmodel import Field

from invoice_service.domain.statuses import DocumentState, DocumentStatus, LinkStatus
from invoice_service.tables.schema import Json, Row, Timestamp, text_of


class Invoice(Row, table=True):
    """``version`` is the ETag. ``lines`` and ``allowances`` are what was asked for, ``snapshot`` what was issued."""

    __tablename__ = "invoices"

    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    customer_id: UUID
    template_id: UUID | None = Field(default=None)

    document_status: DocumentStatus = Field(default=DocumentStatus.DRAFT, sa_type=text_of(DocumentStatus))
    document_type: DocumentType = Field(default=DocumentType.INVOICE, sa_type=text_of(DocumentType))
    title: str = Field(default="", sa_type=Text)
    currency: str = Field(sa_type=Text)
    language: str = Field(default="en", sa_type=Text)
    layout: Layout = Field(default=Layout.MODERN, sa_type=text_of(Layout))
    issue_date: date | None = Field(default=None)
    due_date: date | None = Field(default=None)
    payment_terms_days: int = Field(default=14)
    purchase_order: str = Field(default="", sa_type=Text)
    prices_include_tax: bool = Field(default=False)
    lines: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
    allowances: list[dict[str, Any]] = Field(default_factory=list, sa_type=Json)
    notes: str = Field(default="", sa_type=Text)
    terms: str = Field(default="", sa_type=Text)
    message: str = Field(default="", sa_type=Text)
    metadata_: dict[str, Any] = Field(default_factory=dict, sa_type=Json, sa_column_kwargs={"name": "metadata"})

    lines_minor: int = Field(default=0, sa_type=BigInteger)
    net_minor: int = Field(default=0, sa_type=BigInteger)
    tax_minor: int = Field(default=0, sa_type=BigInteger)
    total_minor: int = Field(default=0, sa_type=BigInteger)

    number: str | None = Field(default=None, sa_type=Text)
    series: str | None = Field(default=None, sa_type=Text)
    sequence_number: int | None = Field(default=None, sa_type=BigInteger)
    issued_at: datetime | None = Field(default=None, sa_type=Timestamp)
    sent_by: str = Field(default="", sa_type=Text)
    snapshot: dict[str, Any] | None = Field(default=None, sa_type=Json)
    snapshot_sha256: str | None = Field(default=None, sa_type=Text)

    mail_id: UUID | None = Field(default=None)
    recipients: dict[str, list[str]] = Field(default_factory=dict, sa_type=Json)
    first_mail_due: bool = Field(default=True)
    """True until the first mail may go out."""
    document_state: DocumentState = Field(default=DocumentState.NONE, sa_type=text_of(DocumentState))

    collection_method: CollectionMethod = Field(default=CollectionMethod.MANUAL, sa_type=text_of(CollectionMethod))
    collection_version: int = Field(default=1)
    link_status: LinkStatus = Field(default=LinkStatus.NONE, sa_type=text_of(LinkStatus))
    link_attempt: int = Field(default=0)
    """The newest attempt of collection by link; 0 when there was none."""
    link_url: str = Field(default="", sa_type=Text)
    link_failure_code: str = Field(default="", sa_type=Text)
    link_failure_message: str = Field(default="", sa_type=Text)
    link_sandbox: bool = Field(default=False)

    void_reason: str = Field(default="", sa_type=Text)
    voided_at: datetime | None = Field(default=None, sa_type=Timestamp)
    close_proof: dict[str, Any] | None = Field(default=None, sa_type=Json)
    replaces: UUID | None = Field(default=None)
    replaced_by: UUID | None = Field(default=None)
    page_generation: int = Field(default=1)
    first_viewed_at: datetime | None = Field(default=None, sa_type=Timestamp)

    version: int = Field(default=1)
    created_at: datetime = Field(sa_type=Timestamp)
    updated_at: datetime = Field(sa_type=Timestamp)


class InvoiceSearchToken(Row, table=True):
    """One lower-case word of an invoice: from its number, title and purchase order."""

    __tablename__ = "invoice_search_tokens"

    organization_id: UUID = Field(primary_key=True)
    token: str = Field(primary_key=True, sa_type=Text)
    invoice_id: UUID = Field(primary_key=True)


class Document(Row, table=True):
    """The bytes that were sent, kept for good. ``schema_version`` is the form of the data they were made from."""

    __tablename__ = "documents"

    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    invoice_id: UUID
    kind: str = Field(default="invoice_pdf", sa_type=Text)
    collection_version: int = Field(default=1)
    schema_version: int = Field(default=1)
    filename: str = Field(sa_type=Text)
    media_type: str = Field(default="application/pdf", sa_type=Text)
    content: bytes = Field(sa_type=LargeBinary, sa_column_kwargs={"name": "bytes"})
    size_bytes: int
    sha256: str = Field(sa_type=Text)
    created_at: datetime = Field(sa_type=Timestamp)
