"""``If-Match``: the caller names the version that it has seen, so nobody overwrites what they never read."""

import re
from typing import Annotated

from fastapi import Depends, Header
from service_kit.errors import DomainError, ErrorKind

from invoice_service.domain.refusals import VersionNeeded

_ETAG = re.compile(r'"([1-9][0-9]{0,8})"')
IF_MATCH_PATTERN = r'^("[1-9][0-9]{0,8}"|\*)$'
NEEDED_MARK = "x-needed"
"""Its absence has an answer of its own, so FastAPI must not refuse it before; the description says *required*."""
_ABOUT = 'The ETag that was read, such as `"3"`, or `*`.'
_DESCRIBED = {"pattern": IF_MATCH_PATTERN}
IfMatchHeader = Annotated[
    str | None, Header(alias="If-Match", max_length=40, description=_ABOUT, json_schema_extra=_DESCRIBED)
]
NeededIfMatchHeader = Annotated[
    str | None,
    Header(alias="If-Match", max_length=40, description=_ABOUT, json_schema_extra={**_DESCRIBED, NEEDED_MARK: True}),
]


class VersionMalformed(DomainError):
    slug = "if-match-malformed"
    kind = ErrorKind.INVALID
    title = "If-Match is not an ETag"


def read_if_match(text: str | None) -> int | None:
    """The version in an ETag; None for ``*`` and for no header. Raises `VersionMalformed`."""
    if text is None or text.strip() == "*":
        return None
    found = _ETAG.fullmatch(text.strip())
    if found is None:
        raise VersionMalformed(_why_not(text.strip()))
    return int(found[1])


def _why_not(text: str) -> str:
    """RFC 9110, section 13.1.1: If-Match compares strongly, so a weak ETag can never match."""
    if text.startswith("W/"):
        return 'If-Match is a strong ETag, such as "3"; one that begins with W/ never matches'
    if "," in text:
        return 'If-Match is one ETag, such as "3"; a list of them would not say which version was seen'
    return 'If-Match is one ETag of ours, such as "3", with its quotes'


def _needed(text: NeededIfMatchHeader = None) -> int | None:
    if text is None:
        raise VersionNeeded('send If-Match with the ETag of what you read, such as If-Match: "3"')
    return read_if_match(text)


def _optional(text: IfMatchHeader = None) -> int | None:
    return read_if_match(text)


NeededVersion = Annotated[int | None, Depends(_needed)]
OptionalVersion = Annotated[int | None, Depends(_optional)]
