"""Who acts, as it stands in logs, events, ledger entries and the audit log."""

from dataclasses import dataclass
from enum import StrEnum

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


OPERATOR = Actor(kind=ActorKind.OPERATOR, id="operator", name="Command line")
