"""The quotas of one process and what was counted of them. Each replica counts alone."""

import hashlib
import secrets
from collections import OrderedDict
from dataclasses import dataclass, field

from service_kit.rate_limits import Policy, RateLimiter

WINDOW_SECONDS = 60
CALLER_PER_MINUTE = 600
STRANGER_PER_MINUTE = 30
PAGE_PER_MINUTE = 300
PASSWORD_PER_MINUTE = 20
_KNOWN_MAX = 20_000


class KnownCredentials:
    """The credentials that opened the door lately, as hashes under a key of this process; the oldest are forgotten."""

    def __init__(self, *, count_max: int = _KNOWN_MAX) -> None:
        self._count_max = count_max
        self._key = secrets.token_bytes(32)
        self._hashes: OrderedDict[bytes, None] = OrderedDict()

    def __contains__(self, credential: str) -> bool:
        return self._hash(credential) in self._hashes

    def add(self, credential: str) -> None:
        hashed = self._hash(credential)
        self._hashes[hashed] = None
        self._hashes.move_to_end(hashed)
        while len(self._hashes) > self._count_max:
            self._hashes.popitem(last=False)

    def discard(self, credential: str) -> None:
        self._hashes.pop(self._hash(credential), None)

    def _hash(self, credential: str) -> bytes:
        return hashlib.blake2b(credential.encode("utf-8", "surrogatepass"), key=self._key, digest_size=16).digest()


@dataclass(frozen=True)
class RequestQuotas:
    """``of_caller`` is for each key and person, ``of_stranger`` for what a network gets wrong, ``of_page`` for the
    customer's page as one network reads it, ``of_password`` for new passwords of one network or person."""

    of_caller: Policy
    of_stranger: Policy
    of_page: Policy
    of_password: Policy
    limiter: RateLimiter = field(default_factory=RateLimiter)
    known: KnownCredentials = field(default_factory=KnownCredentials)


def quotas_of(
    *,
    caller: int = CALLER_PER_MINUTE,
    stranger: int = STRANGER_PER_MINUTE,
    page: int = PAGE_PER_MINUTE,
    password: int = PASSWORD_PER_MINUTE,
) -> RequestQuotas:
    """From numbers per minute."""
    return RequestQuotas(
        of_caller=_policy("caller", caller),
        of_stranger=_policy("stranger", stranger),
        of_page=_policy("page", page),
        of_password=_policy("password", password),
    )


def _policy(name: str, quota: int) -> Policy:
    return Policy(name=name, quota=quota, window_seconds=WINDOW_SECONDS)
