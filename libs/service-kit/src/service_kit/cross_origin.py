"""Which pages of other origins may call the API from a browser: exactly those listed, and they with cookies."""

from starlette import status
from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.responses import Response
from starlette.types import ASGIApp, Receive, Scope, Send

from service_kit.problems import problem, request_id_of

_METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
_ALLOWED_HEADERS = (
    "Authorization",
    "Content-Type",
    "Idempotency-Key",
    "If-Match",
    "If-None-Match",
    "X-CSRF-Token",
    "X-Organization-Id",
    "X-Correlation-Id",
    "traceparent",
)
_EXPOSED_HEADERS = (
    "Content-Disposition",
    "ETag",
    "Idempotency-Replayed",
    "Link",
    "Location",
    "RateLimit",
    "RateLimit-Policy",
    "Retry-After",
    "X-Request-Id",
)
_PREFLIGHT_SECONDS = 600


class CrossOrigin(CORSMiddleware):
    """Starlette's rules, but a stranger's origin learns nothing at all and a refused preflight is a problem."""

    def __init__(self, app: ASGIApp, *, origins: tuple[str, ...]) -> None:
        super().__init__(
            app,
            allow_origins=origins,
            allow_methods=_METHODS,
            allow_headers=_ALLOWED_HEADERS,
            allow_credentials=True,
            expose_headers=_EXPOSED_HEADERS,
            max_age=_PREFLIGHT_SECONDS,
        )

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        headers = Headers(scope=scope)
        if scope["method"] != "OPTIONS" or "origin" not in headers or "access-control-request-method" not in headers:
            await self.simple_response(scope, receive, send, headers)
            return
        allowed = self.preflight_response(headers)
        answer = allowed if allowed.status_code == status.HTTP_200_OK else _refused(scope)
        await answer(scope, receive, send)

    async def simple_response(self, scope: Scope, receive: Receive, send: Send, request_headers: Headers) -> None:
        known = self.is_allowed_origin(request_headers.get("origin", ""))
        await super().simple_response(scope, receive, send, request_headers if known else Headers())


def _refused(scope: Scope) -> Response:
    return problem(
        status=403,
        slug="origin-refused",
        title="Pages of this origin may not do this",
        detail="the origin, the method or a header is not one that pages of other origins may use",
        request_id=request_id_of(scope),
        headers={"Vary": "Origin, Access-Control-Request-Method, Access-Control-Request-Headers"},
    )
