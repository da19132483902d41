"""How much one caller may ask for, and how often a stranger may be wrong.

Wrong credentials are counted by network (an IPv4 address, the /64 of an IPv6 one). Once a network was wrong too often
it is turned away before anything is looked up, all but what has opened the door here before: one address may be that of
a whole office, and one forgotten script with an old key must not shut out its colleagues. A credential that was
never used at this replica waits for the minute to end. Keys cannot be guessed (256 bits), so the limit is there to
spare the database, not to make guessing hard.
"""

from fastapi import Request
from service_kit.client_address import customer_network

from invoice_service.api.session_cookie import cookie_name
from invoice_service.dependencies import Dependencies, Parts


async def limit_caller(request: Request, parts: Dependencies, *, caller: str) -> None:
    """Counts one request of ``caller``, who has proven who they are. Raises `service_kit.errors.TooManyRequests`."""
    limits = parts.limits
    limits.known.add(_credential(request, parts))
    request.state.rate_limit = await limits.limiter.hit(policy=limits.of_caller, key=caller)


async def limit_stranger(request: Request, parts: Dependencies, *, failed: bool = False) -> None:
    """``failed`` counts one wrong key or session of this address; without it, an address that was wrong too often is
    turned away before anything is looked up. Raises `service_kit.errors.TooManyRequests`.

    A request without any credential costs nothing and is not counted.
    """
    credential, limits = _credential(request, parts), parts.limits
    if not credential:
        return
    if failed:
        limits.known.discard(credential)
        await limits.limiter.hit(policy=limits.of_stranger, key=_network(request))
    elif credential not in limits.known:
        await limits.limiter.require(policy=limits.of_stranger, key=_network(request))


async def limit_password_tries(request: Request, parts: Dependencies, *, person: str = "") -> None:
    """Before a new password is judged, which costs up to half a second of a processor, whatever comes of it.

    ``person`` is the id of who is signed in. Raises `service_kit.errors.TooManyRequests`.
    """
    limits = parts.limits
    await limits.limiter.hit(policy=limits.of_password, key=_network(request))
    if person:
        await limits.limiter.hit(policy=limits.of_password, key=person)


async def limit_page(request: Request, parts: Parts) -> None:
    """For the customer's page, whose reader is nobody but an address. Raises `service_kit.errors.TooManyRequests`."""
    if request.url.path.startswith("/i/"):
        await parts.limits.limiter.hit(policy=parts.limits.of_page, key=_network(request))


def _network(request: Request) -> str:
    return customer_network(str(getattr(request.state, "client_address", "")))


def _credential(request: Request, parts: Dependencies) -> str:
    """What is looked up: the key, or else the session's cookie."""
    return request.headers.get("authorization", "") or request.cookies.get(cookie_name(parts), "")
