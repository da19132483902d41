"""What every event has: a type with its version, the organisation it belongs to, and the aggregate it is about."""

from typing import ClassVar
from uuid import UUID

from pydantic import BaseModel, ConfigDict

from contracts.ids import OrganizationId


class Fact(BaseModel):
    """A frozen value inside an event. Unknown fields are ignored, so that a newer publisher can add one."""

    model_config = ConfigDict(frozen=True, extra="ignore")


class Event(Fact):
    """The body of one message. Subclasses name their type once and never change what a released version means."""

    event_type: ClassVar[str]
    aggregate: ClassVar[tuple[str, str]] = ("invoice_id", "inv")
    """The field that holds the aggregate's id, and the prefix of its text form."""

    organization_id: OrganizationId

    def aggregate_id(self) -> UUID:
        """Events of one aggregate are published in the order in which they were committed."""
        value = getattr(self, self.aggregate[0])
        if not isinstance(value, UUID):
            raise TypeError(f"{self.aggregate[0]} of {self.event_type} is not an id")
        return value
