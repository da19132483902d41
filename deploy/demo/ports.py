"""Free loopback ports: the usual one where nobody has it, else any."""

import socket


def free_port(*, preferred: int = 0, taken: set[int]) -> int:
    """A port that nobody listens on now; it joins ``taken``, so that the next call gives another."""
    for candidate in (preferred, *[0] * 20):
        port = _bindable(candidate)
        if port is not None and port not in taken:
            taken.add(port)
            return port
    raise OSError("no free port on 127.0.0.1")


def _bindable(port: int) -> int | None:
    with socket.socket() as probe:
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return None
        bound: int = probe.getsockname()[1]
        return bound
