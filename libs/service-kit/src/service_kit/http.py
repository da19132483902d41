"""How every API of ours is made and served: the same errors, ids, limits and probes, and a graceful stop."""

import asyncio
import contextlib
import socket
from collections.abc import Iterator, Sequence

import uvicorn
from fastapi import FastAPI
from fastapi.routing import APIRoute

from service_kit.clock import Clock
from service_kit.health import ReadyCheck, health_routes
from service_kit.http_connections import connection_class
from service_kit.http_door import HttpDoor
from service_kit.problems import install_problem_handlers
from service_kit.request_guard import HEADER_BYTES_MAX, RequestGuard

GRACEFUL_STOP_SECONDS = 20
_BACKLOG = 2048


class AddressTaken(OSError):
    """Somebody else listens on this address."""


class ServerEnded(RuntimeError):
    """One of several servers is gone; the process had better end as well."""


def create_api(
    *,
    title: str,
    service: str,
    clock: Clock,
    ready_checks: Sequence[ReadyCheck],
    body_bytes_max: int = 1_048_576,
    docs: bool = False,
    json_checked: bool = True,
    door: HttpDoor | None = None,
) -> FastAPI:
    """An API with ``/livez`` and ``/readyz`` and no other route. Sets ``app.state.clock`` and ``app.state.service``.

    ``docs`` serves the description of the API for programs, at ``/openapi.json``.
    ``door`` is what this listener grants to strangers; `serve` heeds it too.
    ``json_checked`` False leaves bodies to the routes, for a door where the very bytes are what is signed.
    """
    api = FastAPI(
        title=title,
        # FastAPI's own page is made of scripts from another host, which our policy forbids.
        docs_url=None,
        redoc_url=None,
        # Starlette would send "/path/" to "/path" under the scheme and the Host of the request: in the clear behind a
        # TLS proxy, and to wherever a stranger's Host says. Addresses and bodies here hold secrets.
        redirect_slashes=False,
        openapi_url="/openapi.json" if docs else None,
        generate_unique_id_function=_operation_id,
        separate_input_output_schemas=False,
    )
    api.state.clock = clock
    api.state.service = service
    api.state.stopping = False
    api.state.door = door or HttpDoor()
    install_problem_handlers(api)
    api.include_router(health_routes(ready_checks))
    api.add_middleware(RequestGuard, body_bytes_max=body_bytes_max, json_checked=json_checked, door=api.state.door)
    return api


async def serve(apps: Sequence[tuple[FastAPI, str, int]], *, stop: asyncio.Event) -> None:
    """Serve each (app, host, port) in this loop until ``stop`` is set, then let running requests finish.

    Raises `AddressTaken` before anything is served. Signals are the caller's business.
    """
    with contextlib.ExitStack() as bound:
        sockets = [bound.enter_context(listening(host=host, port=port)) for _, host, port in apps]
        servers = [_server(app) for app, _, _ in apps]
        running = [
            asyncio.create_task(server.serve(sockets=[listener]))
            for server, listener in zip(servers, sockets, strict=True)
        ]
        ended = asyncio.create_task(stop.wait())
        try:
            await asyncio.wait({ended, *running}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            ended.cancel()
            for app, _, _ in apps:
                app.state.stopping = True
            for server in servers:
                server.should_exit = True
            await asyncio.gather(*running)
        if not stop.is_set():
            raise ServerEnded("a server ended although nobody asked it to; its start-up may have failed")


@contextlib.contextmanager
def listening(*, host: str, port: int) -> Iterator[socket.socket]:
    """A bound socket; port 0 takes a free one."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            listener.bind((host, port))
        except OSError as problem:
            raise AddressTaken(f"cannot listen on {host}:{port}: {problem.strerror}") from problem
        listener.listen(_BACKLOG)
        listener.setblocking(False)
        yield listener
    finally:
        listener.close()


class _Server(uvicorn.Server):
    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Several servers share the process, so none of them may take its signals."""
        yield


def _server(app: FastAPI) -> uvicorn.Server:
    door: HttpDoor = getattr(app.state, "door", HttpDoor())
    return _Server(
        uvicorn.Config(
            app,
            http=connection_class(door),
            ws="none",
            # uvicorn would believe X-Forwarded-For from 127.0.0.1; the request guard alone says whom to believe.
            proxy_headers=False,
            timeout_keep_alive=door.keep_alive_seconds,
            h11_max_incomplete_event_size=HEADER_BYTES_MAX,
            log_config=None,
            access_log=False,
            server_header=False,
            date_header=True,
            lifespan="on",
            timeout_graceful_shutdown=GRACEFUL_STOP_SECONDS,
        )
    )


def _operation_id(route: APIRoute) -> str:
    return route.name
