"""Passwords against attackers: Argon2id for what is stored, and zxcvbn and a list of known ones for what is chosen.

The only file that meets either library. All of it runs in a few threads, so a flood of sign-ins waits its turn instead
of taking memory (46 MiB for each hash) or the event loop.
"""

import asyncio
import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from functools import cache
from pathlib import Path
from typing import TypeVar

from argon2 import PasswordHasher
from argon2.exceptions import VerifyMismatchError
from argon2.low_level import Type
from zxcvbn import zxcvbn

from invoice_service.domain.passwords import (
    DIGEST_BYTES,
    GUESSES_MIN,
    PasswordRefused,
    check_length,
    is_only_context,
    known_digest,
)

THREADS = 2
# OWASP Password Storage Cheat Sheet, Argon2id: 46 MiB, one pass, one lane (ASVS 5, appendix C: t=1 needs m >= 47104).
_ARGON2 = PasswordHasher(time_cost=1, memory_cost=47_104, parallelism=1, hash_len=32, salt_len=16, type=Type.ID)
# Of 32 random bytes that were thrown away. Nobody's password, so that an unknown person costs what a known one does.
_NOBODYS = "$argon2id$v=19$m=47104,t=1,p=1$Ih5OeohXKRiX8U2aYrAAYg$08hpq67Mv6SeEER6NSCgGjiNSGgvSeTmZMgozOGD0+M"
# zxcvbn's work grows with the square of the length, and 500-fold with signs that may stand for letters: two seconds for
# 72 of them. What is weak is weak within these.
_JUDGED_MAX = 32
_KNOWN = Path(__file__).parent / "known_passwords" / "passwords.bin"
_judging = threading.Lock()

Result = TypeVar("Result")


class Passwords:
    """Make one for each process."""

    def __init__(self) -> None:
        self._threads = ThreadPoolExecutor(max_workers=THREADS, thread_name_prefix="password")

    async def hash(self, password: str) -> str:
        return await self._in_thread(lambda: _ARGON2.hash(password))

    async def verify(self, *, password: str, stored: str | None) -> bool:
        """Without ``stored`` the same work is done, and the answer is False."""
        matched = await self._in_thread(lambda: _verify(stored or _NOBODYS, password))
        return matched and stored is not None

    def is_outdated(self, stored: str) -> bool:
        """Made with other parameters than today's."""
        return _ARGON2.check_needs_rehash(stored)

    async def check_new(self, password: str, *, words: Iterable[str], pointer: str = "/password") -> None:
        """Raises `PasswordRefused`. ``words`` are what somebody would try first who knows the person."""
        check_length(password, pointer=pointer)
        context = tuple(words)
        if is_only_context(password, words=context):
            raise PasswordRefused(
                "Too easy to guess: it says no more than your name or ours. Add other words.", pointer=pointer
            )
        if known_digest(password) in _known():
            raise PasswordRefused("This password is on lists that attackers use. Choose another.", pointer=pointer)
        if await self._in_thread(lambda: _guesses(password, context)) < GUESSES_MIN:
            raise PasswordRefused("Too easy to guess. Add another word or two.", pointer=pointer)

    async def _in_thread(self, work: Callable[[], Result]) -> Result:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _verify(stored: str, password: str) -> bool:
    try:
        return _ARGON2.verify(stored, password)
    except VerifyMismatchError:
        return False


def _guesses(password: str, words: tuple[str, ...]) -> float:
    # The library keeps the words in a variable of its module.
    with _judging:
        return float(zxcvbn(password[:_JUDGED_MAX], user_inputs=list(words))["guesses"])


@cache
def _known() -> frozenset[bytes]:
    content = _KNOWN.read_bytes()
    return frozenset(content[start : start + DIGEST_BYTES] for start in range(0, len(content), DIGEST_BYTES))
