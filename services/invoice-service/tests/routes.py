"""The routes of the public listener, read from the application itself."""

from fastapi.routing import APIRoute
from invoice_service.api.route_needs import routes_within
from invoice_service.app import create_public_app
from invoice_service.dependencies import Dependencies

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


def api_routes(parts: Dependencies) -> list[tuple[str, APIRoute]]:
    """Every method and route under ``/v1``."""
    routes = routes_within(create_public_app(parts).routes)
    return [
        (method, route) for route in routes if route.path.startswith("/v1/") for method in sorted(route.methods or ())
    ]


def path_to_nothing(route: APIRoute) -> str:
    """The route's path with well-formed ids that nobody has."""
    return route.path.format(**{name: f"{prefix}_{NOBODY}" for name, prefix in _PREFIXES.items()})
