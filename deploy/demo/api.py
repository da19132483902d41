"""The invoice API as any client would use it: a key, JSON, and errors that say what the service said."""

import uuid
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from typing import Any

import httpx

from deploy.demo.failures import NotAsItShouldBe

Json = dict[str, Any]


class InvoiceApi:
    """Every write carries an Idempotency-Key of its own, so that a lost answer may be asked for again."""

    def __init__(self, client: httpx.AsyncClient) -> None:
        self._client = client

    async def get(self, path: str) -> Json:
        return _answer(await self._client.get(path))

    async def answer(self, method: str, path: str, body: Mapping[str, Any] | None = None) -> httpx.Response:
        """The answer as it is, also when it is a refusal."""
        return await self._client.request(method, path, json=None if body is None else dict(body))

    async def post(self, path: str, body: Mapping[str, Any]) -> Json:
        return _answer(await self._client.post(path, json=dict(body), headers=_fresh_key()))

    async def put(self, path: str, body: Mapping[str, Any]) -> Json:
        return _answer(await self._client.put(path, json=dict(body), headers=_fresh_key()))

    async def patch(self, path: str, body: Mapping[str, Any], *, etag: str) -> Json:
        headers = {**_fresh_key(), "If-Match": etag}
        return _answer(await self._client.patch(path, json=dict(body), headers=headers))


@asynccontextmanager
async def invoice_api(url: str, *, api_key: str) -> AsyncIterator[InvoiceApi]:
    headers = {"Authorization": f"Bearer {api_key}"}
    async with httpx.AsyncClient(base_url=url, headers=headers, timeout=30, trust_env=False) as client:
        yield InvoiceApi(client)


def _fresh_key() -> dict[str, str]:
    return {"Idempotency-Key": str(uuid.uuid4())}


def _answer(response: httpx.Response) -> Json:
    if not response.is_success:
        request = response.request
        raise NotAsItShouldBe(f"{request.method} {request.url.path}: {response.status_code} {response.text[:500]}")
    body: Json = response.json()
    return body
