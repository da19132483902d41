"""Who may do what, in one table each for people and for keys. Every route asks for exactly one permission."""

from collections.abc import Iterable, Mapping
from enum import StrEnum

from service_kit.errors import DomainError, ErrorKind


class Permission(StrEnum):
    ORGANIZATION_READ = "organization:read"
    ORGANIZATION_WRITE = "organization:write"
    CUSTOMERS_READ = "customers:read"
    CUSTOMERS_WRITE = "customers:write"
    TEMPLATES_READ = "templates:read"
    TEMPLATES_WRITE = "templates:write"
    INVOICES_READ = "invoices:read"
    INVOICES_WRITE = "invoices:write"
    PAYMENTS_WRITE = "payments:write"
    STRIPE_WRITE = "stripe:write"
    MEMBERS_READ = "members:read"
    MEMBERS_WRITE = "members:write"
    API_KEYS_READ = "api_keys:read"
    API_KEYS_WRITE = "api_keys:write"
    AUDIT_READ = "audit:read"


class Role(StrEnum):
    OWNER = "owner"
    ACCOUNTANT = "accountant"
    VIEWER = "viewer"


class Scope(StrEnum):
    READ = "read"
    WRITE = "write"
    ADMIN = "admin"


class NotAllowed(DomainError):
    """``facts`` has the permission that is missing."""

    slug = "not-allowed"
    kind = ErrorKind.FORBIDDEN
    title = "The caller may not do this"


_LOOKING = frozenset(
    {
        Permission.ORGANIZATION_READ,
        Permission.CUSTOMERS_READ,
        Permission.TEMPLATES_READ,
        Permission.INVOICES_READ,
    }
)
_BILLING = frozenset(
    {
        Permission.CUSTOMERS_WRITE,
        Permission.TEMPLATES_WRITE,
        Permission.INVOICES_WRITE,
        Permission.PAYMENTS_WRITE,
    }
)
_OWNING = frozenset(
    {
        Permission.ORGANIZATION_WRITE,
        Permission.STRIPE_WRITE,
        Permission.MEMBERS_READ,
        Permission.MEMBERS_WRITE,
        Permission.API_KEYS_READ,
        Permission.API_KEYS_WRITE,
        Permission.AUDIT_READ,
    }
)

OF_ROLE: Mapping[Role, frozenset[Permission]] = {
    Role.VIEWER: _LOOKING | {Permission.MEMBERS_READ},
    Role.ACCOUNTANT: _LOOKING | _BILLING | {Permission.MEMBERS_READ},
    Role.OWNER: _LOOKING | _BILLING | _OWNING,
}
OF_SCOPE: Mapping[Scope, frozenset[Permission]] = {
    Scope.READ: _LOOKING,
    Scope.WRITE: _BILLING,
    Scope.ADMIN: _OWNING,
}


def permissions_of_scopes(scopes: Iterable[str]) -> frozenset[Permission]:
    """Scopes add up; one does not hold another, so a key that may only write cannot read."""
    return frozenset().union(*(OF_SCOPE[Scope(scope)] for scope in scopes))


def check_may_make(role: Role, *, own: frozenset[Permission]) -> None:
    """Nobody gives away more than they may do themselves. Raises `NotAllowed`, with what is lacking."""
    lacking = sorted(permission.value for permission in OF_ROLE[role] - own)
    if lacking:
        raise NotAllowed(
            f"to make somebody {role}, the caller itself needs: {', '.join(lacking)}", facts={"permissions": lacking}
        )


def who_may(permission: Permission) -> str:
    """The remedy in words: whom to ask, or which scope a key lacks."""
    roles = " or ".join(f"{role}s" for role in Role if permission in OF_ROLE[role])
    scope = next(scope for scope in Scope if permission in OF_SCOPE[scope])
    return f"it needs {permission}: {roles} have it, and API keys with the scope '{scope}'"
