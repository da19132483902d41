"""Where in a request a validation error is, in the caller's terms: a JSON pointer into the body that was sent, or the
name of a parameter. Names of our models, of branches of a union and of validators never show."""

from collections.abc import Mapping, Sequence
from typing import Any

from starlette.datastructures import FormData

_MESSAGES = {
    "union_tag_invalid": "the kind given here is not one of the known kinds",
    "union_tag_not_found": "the kind is missing",
    "json_invalid": "the body is not valid JSON",
    "uuid_parsing": "Input should be a valid UUID",
    "model_type": "an object is expected here",
    "model_attributes_type": "an object is expected here",
    "dataclass_type": "an object is expected here",
    "is_instance_of": "this is not of the expected kind",
    "is_subclass_of": "this is not of the expected kind",
}
"""Instead of pydantic's, for the few kinds of error whose message repeats what was sent or names a class of ours."""
_NOWHERE = object()
_PATH_MAX = 12
"""The search below tries each part both ways, which only short paths can afford."""


def field_error(row: Mapping[str, Any], *, body: Any) -> dict[str, str]:
    """From one of pydantic's rows; ``body`` is what was validated."""
    place, *path = row.get("loc") or ("body",)
    kind = str(row.get("type", ""))
    detail = _MESSAGES.get(kind) or str(row.get("msg", "not valid")).removeprefix("Value error, ")
    if place != "body":
        return {"pointer": "", "parameter": " ".join(str(part) for part in (place, *path[:1])), "detail": detail}
    if kind == "json_invalid":
        return {"pointer": "", "detail": detail}
    absent = [str(path.pop())] if kind == "missing" and path else []
    value = dict(body) if isinstance(body, FormData) else body
    found = _path_to(row.get("input", _NOWHERE), value, path) if len(path) <= _PATH_MAX else None
    if found is None:
        found = _existing(value, path)
    return {"pointer": "".join(f"/{_escaped(str(part))}" for part in (*found, *absent)), "detail": detail}


def _path_to(wanted: Any, value: Any, path: Sequence[Any]) -> list[Any] | None:
    """The parts of ``path`` that lead to the very object ``wanted``, the others left out; None when none do."""
    if not path:
        return [] if value is wanted else None
    first, rest = path[0], path[1:]
    if _is_in(value, first):
        further = _path_to(wanted, value[first], rest)
        if further is not None:
            return [first, *further]
    return _path_to(wanted, value, rest)


def _existing(value: Any, path: Sequence[Any]) -> list[Any]:
    """The parts of ``path`` that are there, one inside the other."""
    found = []
    for part in path:
        if _is_in(value, part):
            found.append(part)
            value = value[part]
    return found


def _is_in(value: Any, part: Any) -> bool:
    if isinstance(value, list):
        return isinstance(part, int) and 0 <= part < len(value)
    return isinstance(value, dict) and isinstance(part, str) and part in value


def _escaped(part: str) -> str:
    """RFC 6901, section 3."""
    return part.replace("~", "~0").replace("/", "~1")
