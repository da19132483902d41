"""Every code that a refusal of the public API can have, by status, read from the errors themselves."""

from collections.abc import Iterator, Mapping

from service_kit.errors import DomainError
from service_kit.problems import STATUS_OF_KIND

from invoice_service.api_reference_view import ProblemCode

NOT_FOR_CALLERS = frozenset(
    {
        "account-mail-moot",
        "account-mail-not-found",
        "account-secret-dead",
        "attempt-never-ordered",
        "document-disagrees",
        "form-malformed",
        "link-news-impossible",
        "name-refused",
        "page-not-found",
        "password-refused",
        "sign-in-refused",
        "tried-too-often",
    }
)
"""Said on pages, between services or in parked messages; no route under ``/v1`` answers with them."""
_AT_THE_DOOR: Mapping[int, Mapping[str, str]] = {
    400: {
        "malformed-request": "The request cannot be read",
        "cursor-refused": "The cursor is not one of this list",
    },
    404: {"not-found": "There is nothing at this address"},
    408: {
        "request-too-slow": "The head of the request did not arrive in time",
        "body-too-slow": "The body did not arrive in time",
    },
    413: {"body-too-large": "The body is too large"},
    414: {"address-too-long": "The head of the request is too large"},
    415: {"unsupported-media-type": "The body is not JSON"},
    422: {"invalid-request": "The request is not valid"},
    431: {"headers-too-large": "The head of the request is too large"},
    503: {"took-too-long": "The work was given up because it took too long"},
}
"""What is refused before any rule of ours is asked."""


def codes_by_status() -> dict[int, tuple[ProblemCode, ...]]:
    """In the order of the alphabet. The application must have been imported as a whole."""
    found = {status: dict(titles) for status, titles in _AT_THE_DOOR.items()}
    for error in _errors(DomainError):
        if error.slug not in NOT_FOR_CALLERS:
            found.setdefault(STATUS_OF_KIND[error.kind], {})[error.slug] = error.title
    return {
        status: tuple(ProblemCode(code, title) for code, title in sorted(titles.items()))
        for status, titles in found.items()
    }


def _errors(above: type[DomainError]) -> Iterator[type[DomainError]]:
    """Those of ours that may be said aloud; classes that only gather others have no title."""
    for error in above.__subclasses__():
        if error.title and error.__module__.split(".")[0] in ("invoice_service", "service_kit"):
            yield error
        yield from _errors(error)
