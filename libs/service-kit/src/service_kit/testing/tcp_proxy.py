"""A TCP proxy for network faults on loopback: pass, swallow in silence, cut with a reset, refuse, or delay."""

import asyncio
import contextlib
import socket
import struct
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

_CHUNK = 65_536


@dataclass
class TcpProxy:
    """Listens on a free loopback port and forwards to ``host``:``port``."""

    host: str
    port: int
    delay_seconds: float = 0.0
    listening_port: int = 0
    accepted: int = 0
    _open: asyncio.Event = field(default_factory=asyncio.Event)
    _refusing: bool = False
    _writers: set[asyncio.StreamWriter] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    def black_hole(self) -> None:
        """Connections stay open and new ones are accepted, but no byte comes through."""
        self._open.clear()

    def refuse(self) -> None:
        """Reset what is open and every new connection."""
        self._refusing = True
        self.cut()

    def heal(self) -> None:
        self._refusing = False
        self._open.set()

    def cut(self) -> None:
        """Reset every open connection; new ones work."""
        for writer in list(self._writers):
            _reset(writer)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.accepted += 1
        if self._refusing:
            _reset(writer)
            return
        try:
            inner_reader, inner_writer = await asyncio.open_connection(self.host, self.port)
        except OSError:
            _reset(writer)
            return
        self._writers |= {writer, inner_writer}
        pumps = {
            asyncio.create_task(self._pump(reader, inner_writer)),
            asyncio.create_task(self._pump(inner_reader, writer)),
        }
        self._tasks |= pumps
        try:
            await asyncio.wait(pumps, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for pump in pumps:
                pump.cancel()
            for end in (writer, inner_writer):
                end.close()
            self._writers -= {writer, inner_writer}
            self._tasks -= pumps

    async def _pump(self, source: asyncio.StreamReader, target: asyncio.StreamWriter) -> None:
        with contextlib.suppress(OSError):
            while chunk := await source.read(_CHUNK):
                await self._open.wait()
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                target.write(chunk)
                await target.drain()


@asynccontextmanager
async def tcp_proxy(*, host: str, port: int) -> AsyncIterator[TcpProxy]:
    proxy = TcpProxy(host=host, port=port)
    proxy.heal()
    server = await asyncio.start_server(proxy.serve, "127.0.0.1", 0)
    proxy.listening_port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        proxy.cut()
        server.close()


def _reset(writer: asyncio.StreamWriter) -> None:
    """Close with RST instead of FIN, as a died host's kernel or a firewall would."""
    raw = writer.get_extra_info("socket")
    if raw is not None:
        with contextlib.suppress(OSError):
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    transport = writer.transport
    transport.abort()
