"""Identifiers as the outside world sees them: a prefix that names the kind, then the UUID in 26 lower-case characters.

Inside the services an identifier is a plain ``UUID``; in the API, in events, in metadata and in logs it has this one
text form, and the two convert without loss.
"""

from typing import Annotated, Any
from uuid import UUID

from pydantic import BeforeValidator, PlainSerializer, WithJsonSchema

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"
_VALUES = {character: value for value, character in enumerate(_ALPHABET)}
_LENGTH = 26


class MalformedId(ValueError):
    """A text is not an identifier of the kind that was expected."""


def format_id(prefix: str, value: UUID) -> str:
    """``format_id("inv", uuid)`` gives ``inv_`` and 26 characters of Crockford's base 32, in the order of the UUID."""
    number = value.int
    characters = [_ALPHABET[(number >> shift) & 31] for shift in range(125, -1, -5)]
    return f"{prefix}_{''.join(characters)}"


def parse_id(prefix: str, text: str) -> UUID:
    """Read ``text`` back. Raises `MalformedId` for another prefix, another length or a foreign character."""
    head, _, tail = text.partition("_")
    if head != prefix or len(tail) != _LENGTH or any(character not in _VALUES for character in tail):
        raise MalformedId(f"expected an id that starts with {prefix}_ and has 26 more characters")
    number = 0
    for character in tail:
        number = number << 5 | _VALUES[character]
    if number >= 1 << 128:
        raise MalformedId(f"expected an id that starts with {prefix}_ and has 26 more characters")
    return UUID(int=number)


class _Prefix:
    """Pydantic's view of one kind of identifier: a ``UUID`` in Python, prefixed text in JSON."""

    def __init__(self, prefix: str) -> None:
        self.prefix = prefix

    def read(self, value: Any) -> UUID:
        if isinstance(value, UUID):
            return value
        if not isinstance(value, str):
            raise MalformedId(f"expected text that starts with {self.prefix}_")
        return parse_id(self.prefix, value)

    def write(self, value: UUID) -> str:
        return format_id(self.prefix, value)

    def schema(self) -> dict[str, Any]:
        return {"type": "string", "pattern": f"^{self.prefix}_[0-7][0-9a-hjkmnp-tv-z]{{25}}$"}


def _marks(prefix: str) -> tuple[BeforeValidator, PlainSerializer, WithJsonSchema]:
    kind = _Prefix(prefix)
    return (
        BeforeValidator(kind.read),
        PlainSerializer(kind.write, return_type=str, when_used="json"),
        WithJsonSchema(kind.schema()),
    )


OrganizationId = Annotated[UUID, *_marks("org")]
InvoiceId = Annotated[UUID, *_marks("inv")]
CustomerId = Annotated[UUID, *_marks("cus")]
TemplateId = Annotated[UUID, *_marks("tpl")]
ApiKeyId = Annotated[UUID, *_marks("key")]
DocumentId = Annotated[UUID, *_marks("doc")]
PaymentId = Annotated[UUID, *_marks("pay")]
LedgerEntryId = Annotated[UUID, *_marks("led")]
ProviderEntryId = Annotated[UUID, *_marks("pve")]
LinkId = Annotated[UUID, *_marks("lnk")]
ConnectionId = Annotated[UUID, *_marks("con")]
MailId = Annotated[UUID, *_marks("mail")]
EventId = Annotated[UUID, *_marks("evt")]
UserId = Annotated[UUID, *_marks("usr")]
InvitationId = Annotated[UUID, *_marks("ivt")]
SessionId = Annotated[UUID, *_marks("ses")]
AuditEntryId = Annotated[UUID, *_marks("aud")]
