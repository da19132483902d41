"""A message as an inbox row: one place decides what can be understood, for the intake and for a later replay alike."""

import json
from collections.abc import Mapping
from typing import Any, NoReturn

from contracts.catalogue import Service, UndecodableMessage, decode


def inbox_row(*, headers: Mapping[str, object], body: bytes, service: Service) -> dict[str, Any]:
    """The row for one message. The body is kept as it came, so that a later version can read fields we do not know.

    Raises `UndecodableMessage` with a reason that holds nothing of the body.
    """
    try:
        envelope = decode(headers=headers, body=body)
        payload = json.loads(body, parse_constant=_refuse_constant)
    except UndecodableMessage:
        raise
    except (ValueError, RecursionError) as problem:
        raise UndecodableMessage(f"the body cannot be read: {type(problem).__name__}") from None
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
