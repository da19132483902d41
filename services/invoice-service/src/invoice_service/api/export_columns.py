"""The columns of each export. A name that is here stays, and so does its place; new ones go to the end."""

import json
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Generic, TypeVar
from uuid import UUID

from contracts.ids import format_id
from contracts.money import plain_text

from invoice_service.api.csv_answer import Amount, Cell
from invoice_service.queries.customers import CustomerInList
from invoice_service.queries.exports import PaymentInExport
from invoice_service.queries.invoice_details import InvoiceInList
from invoice_service.tables.audit import AuditEntry

Shown = TypeVar("Shown")


@dataclass(frozen=True)
class Column(Generic[Shown]):
    name: str
    cell: Callable[[Shown], Cell]


def _money(
    name: str, minor: Callable[[Shown], int], currency: Callable[[Shown], str]
) -> tuple[Column[Shown], Column[Shown]]:
    """The amount as decimal text, and in minor units."""
    return (
        Column(name, lambda row: Amount(plain_text(minor(row), currency(row)))),
        Column(f"{name}_minor", minor),
    )


def _id(prefix: str, value: UUID | None) -> str:
    return "" if value is None else format_id(prefix, value)


def _address(part: str) -> Column[CustomerInList]:
    return Column(f"address_{part}", lambda row: str(row.customer.address.get(part, "")))


def _currency_of_invoice(row: InvoiceInList) -> str:
    return row.invoice.currency


def _currency_of_payment(row: PaymentInExport) -> str:
    return row.entry.currency


INVOICES: Sequence[Column[InvoiceInList]] = (
    Column("id", lambda row: _id("inv", row.invoice.id)),
    Column("number", lambda row: row.invoice.number),
    Column("headline", lambda row: row.headline.value),
    Column("document_status", lambda row: row.invoice.document_status.value),
    Column("payment_status", lambda row: row.payment_status.value),
    Column("overdue", lambda row: row.overdue),
    Column("title", lambda row: row.invoice.title),
    Column("customer_id", lambda row: _id("cus", row.invoice.customer_id)),
    Column("customer_name", lambda row: row.customer_name),
    Column("purchase_order", lambda row: row.invoice.purchase_order),
    Column("collection_method", lambda row: row.invoice.collection_method.value),
    Column("issue_date", lambda row: row.invoice.issue_date),
    Column("due_date", lambda row: row.invoice.due_date),
    Column("currency", _currency_of_invoice),
    *_money("net", lambda row: row.invoice.net_minor, _currency_of_invoice),
    *_money("tax", lambda row: row.invoice.tax_minor, _currency_of_invoice),
    *_money("total", lambda row: row.invoice.total_minor, _currency_of_invoice),
    *_money("paid", lambda row: row.balance.applied_minor if row.balance else 0, _currency_of_invoice),
    *_money("due", lambda row: row.due_minor, _currency_of_invoice),
    Column("created_at", lambda row: row.invoice.created_at),
    Column("updated_at", lambda row: row.invoice.updated_at),
)

CUSTOMERS: Sequence[Column[CustomerInList]] = (
    Column("id", lambda row: _id("cus", row.customer.id)),
    Column("name", lambda row: row.customer.name),
    Column("legal_name", lambda row: row.customer.legal_name),
    Column("contact_name", lambda row: row.customer.contact_name),
    Column("email", lambda row: row.customer.email),
    Column("phone", lambda row: row.customer.phone),
    *(_address(part) for part in ("line1", "line2", "postal_code", "city", "region", "country")),
    Column("tax_id", lambda row: row.customer.tax_id),
    Column("language", lambda row: row.customer.language),
    Column("currency", lambda row: row.customer.currency),
    Column("notes", lambda row: row.customer.notes),
    Column("created_at", lambda row: row.customer.created_at),
    Column("updated_at", lambda row: row.customer.updated_at),
)

PAYMENTS: Sequence[Column[PaymentInExport]] = (
    Column("id", lambda row: _id("pay", row.entry.payment_id)),
    Column("entry_id", lambda row: _id("led", row.entry.id)),
    Column("kind", lambda row: row.entry.kind.value),
    Column("invoice_id", lambda row: _id("inv", row.entry.invoice_id)),
    Column("invoice_number", lambda row: row.invoice_number),
    Column("customer_id", lambda row: _id("cus", row.customer_id)),
    Column("customer_name", lambda row: row.customer_name),
    Column("currency", _currency_of_payment),
    *_money("amount", lambda row: row.entry.received_minor, _currency_of_payment),
    *_money("applied", lambda row: row.entry.applied_minor, _currency_of_payment),
    *_money("suspense", lambda row: row.entry.suspense_minor, _currency_of_payment),
    Column("occurred_at", lambda row: row.entry.occurred_at),
    Column("recorded_at", lambda row: row.entry.recorded_at),
    Column("actor", lambda row: row.entry.actor),
    Column("note", lambda row: row.entry.note),
)

AUDIT_LOG: Sequence[Column[AuditEntry]] = (
    Column("id", lambda row: _id("aud", row.id)),
    Column("created_at", lambda row: row.at),
    Column("actor_kind", lambda row: row.actor_kind.value),
    Column("actor_id", lambda row: row.actor),
    Column("actor_name", lambda row: row.actor_name),
    Column("action", lambda row: row.action),
    Column("object_type", lambda row: row.object_type),
    Column("object_id", lambda row: row.object_id),
    Column("address", lambda row: row.address),
    Column("user_agent", lambda row: row.user_agent),
    Column("request_id", lambda row: row.request_id),
    Column("details", lambda row: json.dumps(row.details, ensure_ascii=False, sort_keys=True)),
)
