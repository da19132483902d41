"""What a mail server's answer means for us: taken, not now, never, or nobody knows.

The line that matters is the content: before its first byte leaves, a broken connection proves that nothing went out;
after that, only an answer proves anything (RFC 5321 section 4.5.3.2.6, RFC 1047).
"""

import re
from dataclasses import dataclass
from enum import StrEnum

WORDS_MAX = 200

_UNPRINTABLE = re.compile(r"[\x00-\x1f\x7f-\x9f\u200b-\u200f\u2028-\u202e\u2066-\u2069\ufeff\ud800-\udfff]+")
_SPACES = re.compile(r"\s+")


class Outcome(StrEnum):
    ACCEPTED = "accepted"
    DEFERRED = "deferred"
    REFUSED = "refused"
    UNCERTAIN = "uncertain"


@dataclass(frozen=True)
class Verdict:
    """``words`` are fit to be shown: one line, no control characters, at most `WORDS_MAX` characters."""

    outcome: Outcome
    words: str


def verdict_of_reply(code: int, text: str) -> Verdict:
    """Read a reply to MAIL, RCPT, DATA or the content. Codes that RFC 5321 does not know count as *not now*."""
    words = server_words(code, text)
    if 200 <= code <= 299:
        return Verdict(Outcome.ACCEPTED, words)
    return Verdict(Outcome.REFUSED if 500 <= code <= 599 else Outcome.DEFERRED, words)


def verdict_before_mail(words: str) -> Verdict:
    """No session came about. Even a 5xx here is about the server or our own access to it, not about this mail."""
    return Verdict(Outcome.DEFERRED, clean_words(words))


def verdict_of_silence(words: str, *, content_handed_over: bool) -> Verdict:
    """The connection broke or timed out."""
    return Verdict(Outcome.UNCERTAIN if content_handed_over else Outcome.DEFERRED, clean_words(words))


def server_words(code: int, text: str) -> str:
    """``550 5.1.1 No such user``. A negative code (an unreadable reply) is left out."""
    return clean_words(f"{code} {text}" if code >= 0 else text)


def clean_words(text: str) -> str:
    """One printable line of at most `WORDS_MAX` characters, whatever the other side sent."""
    line = _SPACES.sub(" ", _UNPRINTABLE.sub(" ", text)).strip()
    return line if len(line) <= WORDS_MAX else f"{line[: WORDS_MAX - 1].rstrip()}…"
