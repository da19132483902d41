"""A careful client of the API: every write carries an idempotency key and is repeated until some life answers it."""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import httpx
from service_kit.testing.waiting import NeverHappened

from tests.chaos.world import World, new_key, pause

Json = dict[str, Any]
PATIENCE_SECONDS = 45.0
_RETRY_SECONDS = 0.15
_NOT_NOW = frozenset({500, 502, 503, 504})


@dataclass(frozen=True)
class Client:
    """Talks to the API of whatever life is there."""

    world: World
    api_key: str

    async def write(self, method: str, path: str, body: Json, *, expect: frozenset[int] = frozenset()) -> Json:
        """Repeat one write under one key until it is answered. ``expect`` adds statuses that are answers too."""
        headers = {"Idempotency-Key": new_key()}
        return await self._until_answered(method, path, body, headers, expect)

    async def read(self, path: str) -> Json:
        return await self._until_answered("GET", path, None, {}, frozenset())

    async def until(self, path: str, wanted: Callable[[Json], Any], what: str) -> Json:
        loop = asyncio.get_running_loop()
        limit = loop.time() + PATIENCE_SECONDS
        while loop.time() < limit:
            seen = await self.read(path)
            if wanted(seen):
                return seen
            await pause(_RETRY_SECONDS)
        raise NeverHappened(f"{what}; at last it was {_essence(seen)}; not done: {await self.world.not_done()}")

    async def _until_answered(
        self, method: str, path: str, body: Json | None, headers: dict[str, str], expect: frozenset[int]
    ) -> Json:
        loop = asyncio.get_running_loop()
        limit = loop.time() + PATIENCE_SECONDS
        while True:
            try:
                async with httpx.AsyncClient(base_url=self.world.api_url, timeout=10, trust_env=False) as client:
                    authorization = {"Authorization": f"Bearer {self.api_key}"}
                    answer = await client.request(method, path, json=body, headers={**headers, **authorization})
            except httpx.TransportError:
                answer = None
            if answer is not None and answer.status_code not in _NOT_NOW:
                if answer.is_success or answer.status_code in expect:
                    told: Json = answer.json()
                    return told
                raise AssertionError(f"{method} {path}: {answer.status_code} {answer.text[:300]}")
            if loop.time() > limit:
                raise NeverHappened(f"{method} {path} was never answered")
            await pause(_RETRY_SECONDS)


def _essence(seen: Json) -> Json:
    return {
        name: seen.get(name) for name in ("status", "headline", "number", "link", "balance", "document", "deliveries")
    }
