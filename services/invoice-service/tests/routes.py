"""The routes of the public listener, and what each asks of its caller, read from the application itself."""

from collections.abc import Iterator
from typing import Any

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute
from invoice_service.api.authentication import CallerWith
from invoice_service.api.person_sessions import Person
from invoice_service.app import create_public_app
from invoice_service.dependencies import Dependencies
from invoice_service.domain.permissions import Permission

NOBODY = "00000000000000000000000000"
_PREFIXES = {
    "customer_id": "cus",
    "template_id": "tpl",
    "invoice_id": "inv",
    "payment_id": "pay",
    "user_id": "usr",
    "session_id": "ses",
    "invitation_id": "ivt",
    "api_key_id": "key",
    "key_id": "key",
}
_PERSON = Person.__metadata__[0].dependency  # type: ignore[attr-defined]


def api_routes(parts: Dependencies) -> list[tuple[str, APIRoute]]:
    """Every method and route under ``/v1``."""
    routes = _walk(create_public_app(parts).routes)
    return [
        (method, route) for route in routes if route.path.startswith("/v1/") for method in sorted(route.methods or ())
    ]


def permissions_of(route: APIRoute) -> set[Permission]:
    """What the route asks for; empty for one that asks for no permission."""
    return {call.permission for call in _calls(route.dependant) if isinstance(call, CallerWith)}


def is_for_the_person_alone(route: APIRoute) -> bool:
    return _PERSON in set(_calls(route.dependant)) and not permissions_of(route)


def path_to_nothing(route: APIRoute) -> str:
    """The route's path with well-formed ids that nobody has."""
    return route.path.format(**{name: f"{prefix}_{NOBODY}" for name, prefix in _PREFIXES.items()})


def _calls(dependant: Dependant) -> Iterator[Any]:
    for needed in dependant.dependencies:
        yield needed.call
        yield from _calls(needed)


def _walk(routes: Any) -> Iterator[APIRoute]:
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from _walk(route.original_router.routes)
        elif hasattr(route, "routes"):
            yield from _walk(route.routes)
