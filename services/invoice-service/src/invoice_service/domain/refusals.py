"""Refusals that every resource shares: there is no such thing here, or it changed since the caller looked."""

from service_kit.errors import DomainError, ErrorKind


class OrganizationNotFound(DomainError):
    slug = "organization-not-found"
    kind = ErrorKind.NOT_FOUND
    title = "There is no such organisation"


class CustomerNotFound(DomainError):
    slug = "customer-not-found"
    kind = ErrorKind.NOT_FOUND
    title = "There is no such customer"


class CustomerUnknown(DomainError):
    """A request names a customer that this organisation does not have."""

    slug = "customer-unknown"
    kind = ErrorKind.INVALID
    title = "The customer is unknown"


class TemplateNotFound(DomainError):
    slug = "template-not-found"
    kind = ErrorKind.NOT_FOUND
    title = "There is no such template"


class TemplateUnknown(DomainError):
    """A request names a template that this organisation does not have."""

    slug = "template-unknown"
    kind = ErrorKind.INVALID
    title = "The template is unknown"


class InvoiceNotFound(DomainError):
    slug = "invoice-not-found"
    kind = ErrorKind.NOT_FOUND
    title = "There is no such invoice"


class VersionNeeded(DomainError):
    slug = "if-match-required"
    kind = ErrorKind.PRECONDITION_REQUIRED
    title = "The version that is to be changed must be named"


class VersionStale(DomainError):
    """``facts`` has ``current_etag``, to be looked at before trying again."""

    slug = "if-match-stale"
    kind = ErrorKind.PRECONDITION_FAILED
    title = "It changed since it was read"


def check_version(*, current: int, expected: int | None) -> None:
    """``expected`` is the caller's version, or None to change whatever is there. Raises `VersionStale`."""
    if expected is not None and expected != current:
        raise VersionStale(
            f"the current version is {current}; read it again and repeat the change on top of it",
            facts={"current_etag": f'"{current}"'},
        )
