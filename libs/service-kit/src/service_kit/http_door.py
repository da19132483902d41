"""What one listener grants to strangers: how long, how many, from which origins, and by which proxies."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import urlsplit

from service_kit.client_address import TrustedProxies


class MalformedOrigins(ValueError):
    """A list of origins cannot be read or is too generous; the message names the part at fault."""


@dataclass(frozen=True)
class HttpDoor:
    """``https`` says that callers reach this listener by https, which TLS in front of it provides. Times are seconds.

    ``header_seconds`` is for a request's head, ``body_seconds`` for its whole body, ``handler_seconds`` for the work,
    ``unread_seconds`` for a client that does not take what was sent. ``connections_max`` is per listener.
    """

    trusted_proxies: TrustedProxies = field(default_factory=TrustedProxies)
    cors_origins: tuple[str, ...] = ()
    https: bool = False
    connections_max: int = 500
    keep_alive_seconds: int = 5
    header_seconds: float = 10
    body_seconds: float = 30
    handler_seconds: float = 60
    unread_seconds: float = 60

    def security_headers(self) -> Mapping[str, str]:
        """For every answer that does not bring its own."""
        headers = {
            "X-Content-Type-Options": "nosniff",
            "X-Frame-Options": "DENY",
            "Referrer-Policy": "no-referrer",
            "Cache-Control": "no-store",
            "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
            "Cross-Origin-Resource-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=(), payment=()",
        }
        if self.https:
            headers["Strict-Transport-Security"] = "max-age=31536000; includeSubDomains"
        return headers


def listed_origins(text: str, *, plain_http: bool = False) -> tuple[str, ...]:
    """Exact https origins with commas between them; ``plain_http`` allows http as well, for a demo or a test.

    Raises `MalformedOrigins`: a wildcard, ``null`` or a pattern would hand people's sessions to pages of strangers.
    """
    origins = tuple(filter(None, (part.strip() for part in text.split(","))))
    for origin in origins:
        _check_origin(origin, plain_http=plain_http)
    return origins


def _check_origin(origin: str, *, plain_http: bool) -> None:
    if "*" in origin or origin.lower() == "null":
        raise MalformedOrigins(f"{origin!r} is not one origin; name each as https://console.example.com")
    try:
        parts = urlsplit(origin)
        port = f":{parts.port}" if parts.port is not None else ""
    except ValueError:
        raise MalformedOrigins(f"{origin!r} is not an origin such as https://console.example.com") from None
    if parts.scheme != "https" and not (plain_http and parts.scheme == "http"):
        raise MalformedOrigins(f"{origin!r} is not an https origin")
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    if not host or origin != f"{parts.scheme}://{host}{port}" or port == {"https": ":443", "http": ":80"}[parts.scheme]:
        raise MalformedOrigins(f"{origin!r} is not written as browsers write it: scheme, host in small letters, port")
