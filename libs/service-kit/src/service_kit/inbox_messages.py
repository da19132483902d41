"""A message as an inbox row: one place decides what can be understood, for the intake and for a later replay alike."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from contracts.catalogue import CATALOGUE, Service, UndecodableMessage, decode

from service_kit.topology import short_name


@dataclass(frozen=True)
class Road:
    """How a message came: the owner of the exchange (``invoice``), or nothing if it is no service's, and the key."""

    exchange_of: str
    routing_key: str


def road_of(*, exchange: str | None, routing_key: str | None, instance: str) -> Road:
    prefix, _, owner = (exchange or "").rpartition(".")
    return Road(exchange_of=owner if prefix == instance else "", routing_key=routing_key or "")


def inbox_row(*, headers: Mapping[str, object], body: bytes, service: Service, road: Road | None) -> dict[str, Any]:
    """The row for one message. The body is kept as it came, so that a later version can read fields we do not know.

    Whoever may publish can write any header. Only the broker knows who may write to which exchange, so an event is
    believed only if it came by its owner's, under its own type. ``road`` is None for what was taken in before roads
    were kept. Raises `UndecodableMessage` with a reason that holds nothing of the body.
    """
    try:
        envelope = decode(headers=headers, body=body)
        payload = json.loads(body, parse_constant=_refuse_constant)
    except UndecodableMessage:
        raise
    except (ValueError, RecursionError) as problem:
        raise UndecodableMessage(f"the body cannot be read: {type(problem).__name__}") from None
    if road not in (None, Road(short_name(CATALOGUE[envelope.type].owner), envelope.type)):
        raise UndecodableMessage("it did not come by the exchange of its owner under its own type")
    return {
        "consumer": service.value,
        "event_id": envelope.id,
        "organization_id": envelope.organizationid,
        "type": envelope.type,
        "payload": payload,
        "sequence": envelope.sequence,
        "correlation_id": envelope.correlationid,
        "causation_id": envelope.causationid,
        "traceparent": envelope.traceparent,
        "actor": f"service:{envelope.source.removeprefix('/')}",
    }


def _refuse_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")
