"""Whose request it is: the peer of the connection, or what trusted proxies say of it, never what a stranger says."""

from collections.abc import Iterable
from dataclasses import dataclass
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from typing import Any, Self

from starlette.datastructures import Headers

UNKNOWN_ADDRESS = "local"
"""For a connection that has no address, such as a Unix socket or a call inside this process."""

_Address = IPv4Address | IPv6Address
_IPV6_CUSTOMER_BITS = 64


class MalformedProxies(ValueError):
    """A list of trusted proxies cannot be read; the message names the part at fault."""


@dataclass(frozen=True)
class TrustedProxies:
    """The proxies whose ``X-Forwarded-For`` is believed. By default none is."""

    networks: tuple[IPv4Network | IPv6Network, ...] = ()

    @classmethod
    def listed(cls, text: str) -> Self:
        """From addresses and networks (``10.0.0.0/8, ::1``) with commas between them. Raises `MalformedProxies`."""
        networks = []
        for part in filter(None, (part.strip() for part in text.split(","))):
            try:
                network = ip_network(part)
            except ValueError:
                raise MalformedProxies(f"{part!r} is neither an address nor a network such as 10.0.0.0/8") from None
            if network.prefixlen == 0:
                raise MalformedProxies(f"{part!r} would let everybody choose an address; name your proxies")
            networks.append(network)
        return cls(networks=tuple(networks))

    def client_address(self, scope: Any) -> str:
        """The address of the client of an ASGI request, without a port; an IPv4 address is always written as one."""
        client = scope.get("client")
        peer = _address(str(client[0])) if client else None
        if peer is None:
            return UNKNOWN_ADDRESS
        if not self._trusts(peer):
            return str(peer)
        forwarded = Headers(scope=scope).getlist("x-forwarded-for")
        return str(self._first_stranger(peer, ",".join(forwarded).split(",")))

    def _first_stranger(self, peer: _Address, said: Iterable[str]) -> _Address:
        """Each proxy adds whom it saw at the right; left of the first that is not ours everything may be invented."""
        nearest = peer
        for part in reversed(list(said)):
            address = _address(part)
            if address is None:
                return nearest
            nearest = address
            if not self._trusts(address):
                return address
        return nearest

    def _trusts(self, address: _Address) -> bool:
        return any(address in network for network in self.networks)


def customer_network(client_address: str) -> str:
    """What to count requests by: an IPv4 address, or the /64 of an IPv6 address, all of which one customer holds."""
    address = _address(client_address)
    if isinstance(address, IPv6Address):
        return str(ip_network((int(address), _IPV6_CUSTOMER_BITS), strict=False))
    return client_address


def _address(text: str) -> _Address | None:
    """Reads ``203.0.113.7``, ``203.0.113.7:4711``, ``2001:db8::7`` and ``[2001:db8::7]:4711``."""
    text = text.strip()
    if text.startswith("["):
        text = text[1:].partition("]")[0]
    elif text.count(":") == 1:
        text = text.partition(":")[0]
    try:
        address = ip_address(text.partition("%")[0])
    except ValueError:
        return None
    if isinstance(address, IPv6Address) and address.ipv4_mapped is not None:
        return address.ipv4_mapped
    return address
