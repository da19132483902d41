"""One broker user per service, with the least rights: it speaks in its own name only and hears what is its own.

An administrator makes them through RabbitMQ's management API; doing it again sets the rights and the password anew.
"""

import base64
import hashlib
import re
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import quote

import httpx
from contracts.catalogue import Service
from yarl import URL

from service_kit.topology import (
    canary_queue_name,
    canary_routing_key,
    dead_queue_name,
    exchange_name,
    inbox_queue_name,
    short_name,
)

PASSWORD_LENGTH_MIN = 16
_SECONDS = 15.0
_SALT_BYTES = 4


class BrokerUsersNotMade(RuntimeError):
    """The management API did not do what was asked; the message holds no password."""


@dataclass(frozen=True)
class Rights:
    """Patterns as RabbitMQ takes them: they match anywhere in a name unless anchored, and an empty one matches nothing.

    Without rights to topics a user could publish any routing key to the exchange that it may write to.
    """

    configure: str
    write: str
    read: str
    topic_write: str
    topic_read: str


def user_name(instance: str, service: Service) -> str:
    return f"{instance}_{short_name(service)}"


def rights(instance: str, service: Service) -> Rights:
    """Publish its own events to its own exchange, read its own inbox and dead letters, and have a canary.

    A running process declares nothing but the canary's queue. To bind it takes the right to write to the queue and to
    read from the exchange, for the canary's routing keys only. The default exchange is not among them: it would lead
    into every queue by its name.
    """
    exchange = _exactly(exchange_name(instance, service))
    canary = _beginning_with(canary_queue_name(instance, service, mark=""))
    inbox, dead = _exactly(inbox_queue_name(instance, service)), _exactly(dead_queue_name(instance, service))
    return Rights(
        configure=canary,
        write=f"{exchange}|{canary}",
        read=f"{exchange}|{canary}|{inbox}|{dead}",
        topic_write=_beginning_with(f"{short_name(service)}."),
        topic_read=_beginning_with(canary_routing_key(service, mark="")),
    )


def user_url(broker_url: str, *, instance: str, service: Service, password: str) -> str:
    """The administrator's ``broker_url`` for the user of ``service``."""
    return str(URL(broker_url).with_user(user_name(instance, service)).with_password(password))


async def make_users(*, api_url: str, broker_url: str, instance: str, passwords: Mapping[str, str]) -> None:
    """Make or mend the user of every service. ``passwords`` is keyed by schema: ``invoice``, ``payment``, …

    ``api_url`` is the management API's, such as http://rabbitmq:15672; who the administrator is, and which virtual host
    is meant, is in ``broker_url``. Raises `BrokerUsersNotMade`.
    """
    short = [name for name in map(short_name, Service) if len(passwords.get(name, "")) < PASSWORD_LENGTH_MIN]
    if short:
        raise BrokerUsersNotMade(f"the broker password of {', '.join(short)} is missing or too short")
    administrator = URL(broker_url)
    host = quote(administrator.path[1:] or "/", safe="")
    async with httpx.AsyncClient(
        base_url=api_url,
        auth=(administrator.user or "guest", administrator.password or "guest"),
        timeout=_SECONDS,
        trust_env=False,
    ) as client:
        for service in Service:
            name, allowed = user_name(instance, service), rights(instance, service)
            # No tags: nothing of the management API is for it.
            await _put(client, f"/api/users/{name}", {**_hashed(passwords[short_name(service)]), "tags": ""})
            await _put(
                client,
                f"/api/permissions/{host}/{name}",
                {"configure": allowed.configure, "write": allowed.write, "read": allowed.read},
            )
            await _put(
                client,
                f"/api/topic-permissions/{host}/{name}",
                {
                    "exchange": exchange_name(instance, service),
                    "write": allowed.topic_write,
                    "read": allowed.topic_read,
                },
            )


async def _put(client: httpx.AsyncClient, path: str, body: Mapping[str, str]) -> None:
    try:
        answer = await client.put(path, json=dict(body))
    except httpx.HTTPError as problem:
        raise BrokerUsersNotMade(f"RabbitMQ's management API does not answer: {type(problem).__name__}") from None
    if not answer.is_success:
        raise BrokerUsersNotMade(f"RabbitMQ's management API answered {answer.status_code} to {path}")


def _hashed(password: str) -> dict[str, str]:
    """As RabbitMQ stores it (its guide *Passwords*): the password itself never travels."""
    salt = secrets.token_bytes(_SALT_BYTES)
    digest = hashlib.sha256(salt + password.encode()).digest()
    return {
        "password_hash": base64.b64encode(salt + digest).decode(),
        "hashing_algorithm": "rabbit_password_hashing_sha256",
    }


def _exactly(name: str) -> str:
    return f"^{re.escape(name)}$"


def _beginning_with(name: str) -> str:
    return f"^{re.escape(name)}"
