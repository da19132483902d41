"""The AsyncAPI 3.0 description of every message, derived from the catalogue: one channel for each owner's exchange.

Names of exchanges carry the instance, so that several installations can share a broker; no server is named here.
"""

from typing import Any

from contracts.catalogue import CATALOGUE, CatalogueEntry, Service, subscriptions
from contracts.envelope import CONTENT_TYPE, Envelope, event_source

SCHEMA_FORMAT = "application/schema+json;version=2020-12"


def async_api() -> dict[str, Any]:
    """The whole document. Payloads are references to the schema files beside it."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Invoice Central events",
            "version": "1.0.0",
            "description": (
                "What the services say to each other. Each message is one CloudEvents 1.0 event in binary mode: "
                "attributes as `ce-` headers, the event's JSON as the body. Delivery is at least once and in no "
                "promised order; listeners deduplicate by `ce-id`."
            ),
        },
        "defaultContentType": CONTENT_TYPE,
        "channels": {_channel_name(owner): _channel(owner) for owner in Service},
        "operations": _operations(),
        "components": {"messages": {name: _message(entry) for name, entry in CATALOGUE.items()}},
    }


def _channel(owner: Service) -> dict[str, Any]:
    name = _channel_name(owner)
    return {
        "address": f"{{instance}}.{name}",
        "title": f"Events of {owner}",
        "parameters": {"instance": {"default": "icentral", "description": "Prefix of one installation's names."}},
        "messages": {event: {"$ref": f"#/components/messages/{event}"} for event in _owned(owner)},
        "bindings": {
            "amqp": {
                "is": "routingKey",
                "exchange": {"name": f"{{instance}}.{name}", "type": "topic", "durable": True, "autoDelete": False},
                "bindingVersion": "0.3.0",
            }
        },
    }


def _operations() -> dict[str, Any]:
    operations: dict[str, Any] = {}
    for owner in Service:
        operations[f"{owner}/publishes"] = _operation("send", f"{owner} publishes", owner, _owned(owner))
    for listener in Service:
        for owner in Service:
            heard = [entry.event.event_type for entry in subscriptions(listener) if entry.owner == owner]
            if heard:
                summary = f"{listener} listens to {owner}"
                operations[f"{listener}/hears/{owner}"] = _operation("receive", summary, owner, heard)
    return operations


def _operation(action: str, summary: str, owner: Service, events: list[str]) -> dict[str, Any]:
    channel = f"#/channels/{_channel_name(owner)}"
    return {
        "action": action,
        "summary": summary,
        "channel": {"$ref": channel},
        "messages": [{"$ref": f"{channel}/messages/{event}"} for event in events],
        "bindings": {"amqp": {"deliveryMode": 2, "ack": True, "bindingVersion": "0.3.0"}},
    }


def _message(entry: CatalogueEntry) -> dict[str, Any]:
    event = entry.event
    return {
        "name": event.event_type,
        "title": event.__name__,
        "summary": " ".join((event.__doc__ or event.__name__).split()),
        "contentType": CONTENT_TYPE,
        "correlationId": {"location": "$message.header#/ce-correlationid"},
        "headers": {"schemaFormat": SCHEMA_FORMAT, "schema": _headers(entry)},
        "payload": {"schemaFormat": SCHEMA_FORMAT, "schema": {"$ref": f"./schemas/{event.event_type}.json"}},
        "bindings": {"amqp": {"messageType": event.event_type, "bindingVersion": "0.3.0"}},
    }


def _headers(entry: CatalogueEntry) -> dict[str, Any]:
    """The attributes of the envelope as headers: all of them text, whatever they are in the envelope."""
    fields = {name: field for name, field in Envelope.model_fields.items() if name != "data"}
    properties: dict[str, Any] = {f"ce-{name}": {"type": "string"} for name in fields}
    properties["ce-specversion"]["const"] = "1.0"
    properties["ce-type"]["const"] = entry.event.event_type
    properties["ce-source"]["const"] = event_source(entry.owner)
    properties["ce-time"]["format"] = "date-time"
    properties["ce-sequence"]["pattern"] = "^[0-9]+$"
    required = [f"ce-{name}" for name, field in fields.items() if field.is_required() or name == "specversion"]
    return {"type": "object", "properties": properties, "required": required}


def _owned(owner: Service) -> list[str]:
    return [name for name, entry in CATALOGUE.items() if entry.owner == owner]


def _channel_name(service: Service) -> str:
    return service.value.removesuffix("-service")
