"""One event on its way: CloudEvents 1.0 attributes as AMQP headers (``ce-…``) and the event's JSON as the body.

The attributes are enough to route, order, deduplicate and trace a message without opening its body.
"""

from typing import Annotated, Any, Literal
from uuid import UUID

from pydantic import AwareDatetime, BaseModel, ConfigDict, Field, SerializeAsAny

from contracts.event import Event
from contracts.ids import EventId, OrganizationId

CONTENT_TYPE = "application/json"
BODY_BYTES_MAX = 1_048_576
"""Larger bodies are refused by the publisher and by every listener."""
SEQUENCE_MAX = 2**63 - 1
"""What a database's ``bigint`` holds: a message beyond it could never be stored, however often it came."""


class Envelope(BaseModel):
    """``sequence`` grows within one ``subject``; ``causationid`` is the id of the event or request that led here."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    specversion: Literal["1.0"] = "1.0"
    id: EventId
    source: str
    type: str
    subject: str
    time: AwareDatetime
    organizationid: OrganizationId
    correlationid: str
    causationid: str = ""
    traceparent: str = ""
    sequence: Annotated[int, Field(ge=0, le=SEQUENCE_MAX)]
    data: SerializeAsAny[Event]

    def headers(self) -> dict[str, str]:
        """The attributes as AMQP headers; empty ones are left out."""
        attributes: dict[str, Any] = self.model_dump(mode="json", exclude={"data"})
        return {f"ce-{name}": str(value) for name, value in attributes.items() if value != ""}

    def body(self) -> bytes:
        return self.data.model_dump_json().encode()


def event_source(service: str) -> str:
    """The CloudEvents ``source`` of a service: ``/invoice-service``."""
    return f"/{service}"


def new_envelope(
    *,
    event: Event,
    event_id: UUID,
    source: str,
    subject: str,
    time: AwareDatetime,
    correlation_id: str,
    causation_id: str,
    traceparent: str,
    sequence: int,
) -> Envelope:
    """Wrap ``event``; organisation and type come from the event itself, so that they cannot disagree."""
    return Envelope(
        id=event_id,
        source=source,
        type=event.event_type,
        subject=subject,
        time=time,
        organizationid=event.organization_id,
        correlationid=correlation_id,
        causationid=causation_id,
        traceparent=traceparent,
        sequence=sequence,
        data=event,
    )
