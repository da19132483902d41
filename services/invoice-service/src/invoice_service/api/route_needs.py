"""What each route asks of its caller, read from its dependencies, so that no list of it can be wrong."""

from collections.abc import Iterable, Iterator
from typing import Any, get_args

from fastapi.dependencies.models import Dependant
from fastapi.routing import APIRoute

from invoice_service.api.authentication import CallerWith
from invoice_service.api.person_sessions import Person
from invoice_service.domain.permissions import Permission

_PERSON = get_args(Person)[1].dependency


def routes_within(routes: Iterable[Any]) -> Iterator[APIRoute]:
    """All of an application's or a router's, also those of routers that were included."""
    for route in routes:
        if isinstance(route, APIRoute):
            yield route
        elif hasattr(route, "original_router"):
            yield from routes_within(route.original_router.routes)
        elif hasattr(route, "routes"):
            yield from routes_within(route.routes)


def permissions_of(route: APIRoute) -> set[Permission]:
    """What the route asks for; empty for one that asks for no permission."""
    return {call.permission for call in _calls(route.dependant) if isinstance(call, CallerWith)}


def is_for_the_person_alone(route: APIRoute) -> bool:
    return _PERSON in set(_calls(route.dependant)) and not permissions_of(route)


def needs_by_operation(routes: Iterable[Any]) -> dict[str, Permission | None]:
    """By operation id; None for what is a person's own. A route that asks nothing of its caller is left out."""
    found: dict[str, Permission | None] = {}
    for route in routes_within(routes):
        if is_for_the_person_alone(route):
            found[route.name] = None
        for permission in permissions_of(route):
            found[route.name] = permission
    return found


def _calls(dependant: Dependant) -> Iterator[Any]:
    for needed in dependant.dependencies:
        yield needed.call
        yield from _calls(needed)
