"""Who says what to whom: each event's owner, its subscribers, and the only way to decode a message.

Queues and bindings are declared from this table, and a publisher learns from it whether somebody must be listening.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum

from pydantic import ValidationError

from contracts.envelope import BODY_BYTES_MAX, Envelope, event_source
from contracts.event import Event
from contracts.events import accounts, invoice, notification, payment

_NUL_ESCAPE = rb"\u0000"


class Service(StrEnum):
    INVOICE = "invoice-service"
    PAYMENT = "payment-service"
    NOTIFICATION = "notification-service"


class UndecodableMessage(ValueError):
    """The message can never be understood: unknown type, wrong owner, broken or oversized body, missing attribute."""


@dataclass(frozen=True)
class CatalogueEntry:
    event: type[Event]
    owner: Service
    subscribers: frozenset[Service]


def _entry(event: type[Event], owner: Service, *subscribers: Service) -> CatalogueEntry:
    return CatalogueEntry(event=event, owner=owner, subscribers=frozenset(subscribers))


CATALOGUE: Mapping[str, CatalogueEntry] = {
    entry.event.event_type: entry
    for entry in (
        _entry(invoice.InvoiceSent, Service.INVOICE, Service.PAYMENT, Service.NOTIFICATION),
        _entry(invoice.InvoiceBalanceChanged, Service.INVOICE, Service.PAYMENT),
        _entry(invoice.PaymentLinkRequested, Service.INVOICE, Service.PAYMENT),
        _entry(invoice.InvoiceCollectionChanged, Service.INVOICE, Service.PAYMENT, Service.NOTIFICATION),
        _entry(invoice.InvoiceVoidRequested, Service.INVOICE, Service.PAYMENT, Service.NOTIFICATION),
        _entry(invoice.InvoiceVoided, Service.INVOICE, Service.NOTIFICATION),
        _entry(invoice.InvoicePaid, Service.INVOICE, Service.NOTIFICATION),
        _entry(invoice.MailRequested, Service.INVOICE, Service.NOTIFICATION),
        _entry(accounts.AccountMailRequested, Service.INVOICE, Service.NOTIFICATION),
        _entry(payment.StripeConnectionChanged, Service.PAYMENT, Service.INVOICE),
        _entry(payment.PaymentLinkCreated, Service.PAYMENT, Service.INVOICE, Service.NOTIFICATION),
        _entry(payment.PaymentLinkFailed, Service.PAYMENT, Service.INVOICE),
        _entry(payment.PaymentLinkClosed, Service.PAYMENT, Service.INVOICE),
        _entry(payment.PaymentReceived, Service.PAYMENT, Service.INVOICE),
        _entry(notification.EmailSent, Service.NOTIFICATION, Service.INVOICE),
        _entry(notification.EmailFailed, Service.NOTIFICATION, Service.INVOICE),
        _entry(notification.EmailOutcomeUnknown, Service.NOTIFICATION, Service.INVOICE),
        _entry(notification.AccountMailSettled, Service.NOTIFICATION, Service.INVOICE),
    )
}


def subscriptions(service: Service) -> tuple[CatalogueEntry, ...]:
    """The entries that ``service`` listens to, in the catalogue's order."""
    return tuple(entry for entry in CATALOGUE.values() if service in entry.subscribers)


def decode(*, headers: Mapping[str, object], body: bytes) -> Envelope:
    """Read one message. Raises `UndecodableMessage` with a reason that holds nothing of the body."""
    if len(body) > BODY_BYTES_MAX:
        raise UndecodableMessage(f"the body has {len(body)} bytes; at most {BODY_BYTES_MAX} are allowed")
    attributes = _attributes(headers)
    entry = CATALOGUE.get(attributes.get("type", ""))
    if entry is None:
        raise UndecodableMessage("the event type is unknown")
    if attributes.get("source") != event_source(entry.owner):
        raise UndecodableMessage(f"{entry.event.event_type} does not come from its owner")
    if _NUL_ESCAPE in body and _holds_nul(body):
        raise UndecodableMessage("a text of the body holds a NUL character, which no database stores")
    try:
        event = entry.event.model_validate_json(body)
        envelope = Envelope.model_validate({**attributes, "data": event})
    except ValidationError as problem:
        raise UndecodableMessage(_places(problem)) from None
    if envelope.organizationid != event.organization_id:
        raise UndecodableMessage("the organisation of the envelope is not the organisation of the event")
    return envelope


def _attributes(headers: Mapping[str, object]) -> dict[str, str]:
    """The attributes we know; others are left alone, so that a newer publisher can add one."""
    known = {f"ce-{name}": name for name in Envelope.model_fields if name != "data"}
    attributes = {known[name]: _text(value) for name, value in headers.items() if name in known}
    if any("\0" in value for value in attributes.values()):
        raise UndecodableMessage("an attribute holds a NUL character, which no database stores")
    return attributes


def _holds_nul(body: bytes) -> bool:
    """True for the JSON escape of NUL, and false for a backslash that happens to be followed by ``u0000``."""
    return any(len(run) % 2 for run in re.findall(rb"(\\+)u0000", body))


def _text(value: object) -> str:
    return value.decode(errors="replace") if isinstance(value, bytes) else str(value)


def _places(problem: ValidationError) -> str:
    rows = problem.errors(include_url=False, include_input=False, include_context=False)[:5]
    return "; ".join(f"{'/'.join(str(part) for part in row['loc'])}: {row['type']}" for row in rows)
