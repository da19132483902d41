"""Who acts, as it stands in logs, events, ledger entries and the audit log."""

from dataclasses import dataclass, replace
from enum import StrEnum
from uuid import UUID

from contracts.ids import format_id

NAME_MAX = 254
ADDRESS_MAX = 100
USER_AGENT_MAX = 200


class ActorKind(StrEnum):
    PERSON = "person"
    API_KEY = "api_key"
    OPERATOR = "operator"
    SYSTEM = "system"
    NOBODY = "nobody"
    """Somebody who has not proven who they are, such as a failed sign-in."""


@dataclass(frozen=True)
class Actor:
    """``id`` is ``usr_…`` or ``key_…``, else a word; ``name`` is for people to read; the rest says from where."""

    kind: ActorKind
    id: str
    name: str = ""
    address: str = ""
    user_agent: str = ""
    request_id: str = ""


PAYMENT_SERVICE = Actor(kind=ActorKind.SYSTEM, id="payment-service", name="Payment service")
OPERATOR = Actor(kind=ActorKind.OPERATOR, id="operator", name="Command line")


def as_person(origin: Actor, *, user_id: UUID, email: str) -> Actor:
    """``origin`` says from where; from now on it is also known who."""
    return replace(origin, kind=ActorKind.PERSON, id=format_id("usr", user_id), name=email)
