"""A JSON body is sound before anything reads it: one meaning for all readers, and nothing that Postgres cannot hold."""

import json
import math
import re
from typing import Any, NoReturn

_SUSPICIOUS_ESCAPE = re.compile(rb"\\u(?:0000|[dD][89a-fA-F])")


class MalformedBody(ValueError):
    """The body cannot be read; the message says why and is safe to send back."""


def check_json(*, content_type: str, body: bytes) -> None:
    """Raises `MalformedBody` when ``body`` is said to be JSON and is not, or not safely. Other bodies pass."""
    media_type = content_type.partition(";")[0].strip().lower()
    if not body or not (media_type == "application/json" or media_type.endswith("+json")):
        return
    try:
        value = json.loads(
            body.decode("utf-8"),
            parse_constant=_refuse_constant,
            parse_float=_finite,
            object_pairs_hook=_without_repetition,
        )
    except UnicodeDecodeError:
        raise MalformedBody("the body is not UTF-8") from None
    except RecursionError:
        raise MalformedBody("the body is nested too deeply") from None
    except MalformedBody:
        raise
    except ValueError:
        raise MalformedBody("the body is not valid JSON") from None
    if _SUSPICIOUS_ESCAPE.search(body):
        _check_text(value)


def _refuse_constant(name: str) -> NoReturn:
    raise MalformedBody(f"{name} is not a JSON number")


def _finite(text: str) -> float:
    number = float(text)
    if math.isinf(number):
        raise MalformedBody("a number in the body is too large")
    return number


def _without_repetition(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Readers disagree about which of two equal names counts, so a body with both could be checked as one thing and
    used as another."""
    read = dict(pairs)
    if len(read) != len(pairs):
        raise MalformedBody("an object in the body has the same name twice")
    return read


def _check_text(value: Any) -> None:
    try:
        text = json.dumps(value, ensure_ascii=False)
        text.encode("utf-8")
    except UnicodeEncodeError:
        raise MalformedBody("the body contains half of a surrogate pair") from None
    if _has_nul(value):
        raise MalformedBody("the body contains the character NUL (\\u0000)")


def _has_nul(value: Any) -> bool:
    if isinstance(value, str):
        return "\x00" in value
    if isinstance(value, dict):
        return any(_has_nul(key) or _has_nul(item) for key, item in value.items())
    return isinstance(value, list) and any(_has_nul(item) for item in value)
