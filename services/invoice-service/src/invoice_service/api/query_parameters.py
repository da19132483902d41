"""Query parameters that a route does not know are refused: a typo in a filter would else show everything."""

from fastapi import Request
from fastapi.dependencies.utils import get_flat_params
from fastapi.exceptions import RequestValidationError
from fastapi.params import Query
from fastapi.routing import APIRoute


async def check_parameters(request: Request) -> None:
    """For every route under /v1. Raises the framework's own error, so it reads like any other bad parameter."""
    given = request.query_params
    route = request.scope["route"]
    if not given or not isinstance(route, APIRoute) or not request.url.path.startswith("/v1/"):
        return
    known = {param.alias for param in get_flat_params(route.dependant) if isinstance(param.field_info, Query)}
    wrong = [_row(name, _unknown(known)) for name in given if name not in known]
    wrong += [_row(name, "is given more than once") for name in given if len(given.getlist(name)) > 1]
    if wrong:
        raise RequestValidationError(wrong)


def _unknown(known: set[str]) -> str:
    return f"is not known here; known are: {', '.join(sorted(known))}" if known else "is not known here"


def _row(name: str, message: str) -> dict[str, object]:
    return {"type": "parameter", "loc": ("query", name[:60]), "msg": message, "input": None}
