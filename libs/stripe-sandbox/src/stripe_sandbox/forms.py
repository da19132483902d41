"""Turns Stripe's form encoding (`a[b][0][c]=v`) into typed parameters, or into the refusal Stripe would send.

The schema decides what a bracket means, not its spelling: `metadata[2026]` stays a key of an object, and `items[0]` is
a place in a list. Unknown names, missing names and wrong types are found in the same walk, so no value that was not
checked reaches a handler; this holds for queries as for bodies.
"""

import re
from collections.abc import Iterable
from typing import Any

from stripe_sandbox.refusals import Refusal, invalid, missing_parameter, unknown_parameter

Json = dict[str, Any]
LIST_PLACE = re.compile(r"[0-9]{1,6}")
METADATA_KEYS_MAX = 50  # https://docs.stripe.com/metadata: 50 keys of up to 40 characters, values up to 500.
METADATA_KEY_CHARACTERS_MAX = 40
METADATA_VALUE_CHARACTERS_MAX = 500


def nest(pairs: Iterable[tuple[str, str]]) -> Json:
    root: Json = {}
    for key, value in pairs:
        names = [key.split("[", 1)[0], *re.findall(r"\[([^\]]*)\]", key)]
        place = root
        for name in names[:-1]:
            deeper = place.setdefault(name or str(len(place)), {})
            if not isinstance(deeper, dict):
                raise invalid(f"{key} is given both as a value and as an object", param=names[0])
            place = deeper
        place[names[-1] or str(len(place))] = value
    return root


def read_params(pairs: Iterable[tuple[str, str]], schema: Json) -> Json:
    """Raise `Refusal` (400) for anything the schema does not describe."""
    params: Json = _read(nest(pairs), schema, "")
    return params


def _child(parent: str, name: str | int) -> str:
    return f"{parent}[{name}]" if parent else str(name)


def _read(value: Any, schema: Json, name: str) -> Any:
    if "anyOf" in schema:
        return _read_any(value, schema["anyOf"], name)
    match schema.get("type"):
        case "object":
            return _read_object(value, schema, name)
        case "array":
            return _read_list(value, schema, name)
        case _ if isinstance(value, dict):
            if not schema:
                return value
            raise invalid(f"Invalid value for {name}: an object came where a single value belongs", param=name)
        case "integer":
            return _read_number(value, r"-?\d{1,18}", int, "parameter_invalid_integer", name)
        case "number":
            return _read_number(value, r"-?\d{1,18}(\.\d{1,18})?", float, "parameter_invalid_number", name)
        case "boolean":
            if value not in ("true", "false"):
                raise invalid(f"Invalid boolean: {value[:60]}", param=name)
            return value == "true"
    return _read_text(value, schema, name)


def _read_any(value: Any, options: list[Json], name: str) -> Any:
    if value == "" and any("" in option.get("enum", ()) for option in options):
        return ""
    refusal: Refusal = invalid(f"Invalid value for {name}", param=name)
    for option in options:
        if "" in option.get("enum", ()) or isinstance(value, dict) != (option.get("type") in ("object", "array")):
            continue
        try:
            return _read(value, option, name)
        except Refusal as reason:
            refusal = reason
    raise refusal


def _read_object(value: Any, schema: Json, name: str) -> Json:
    if not isinstance(value, dict):
        raise invalid(f"Invalid object: {name}", param=name)
    properties: Json = schema.get("properties", {})
    others = schema.get("additionalProperties", False)
    result = {}
    for key, item in value.items():
        here = _child(name, key)
        if key in properties:
            result[key] = _read(item, properties[key], here)
        elif others is False:
            raise unknown_parameter(here)
        else:
            result[key] = item if others is True else _read(item, others, here)
    for key in schema.get("required", ()):
        if key not in value:
            raise missing_parameter(_child(name, key))
    if re.search(r"(^|\[)metadata\]?$", name):
        _check_metadata(result, name)
    return result


def _check_metadata(metadata: Json, name: str) -> None:
    if len(metadata) > METADATA_KEYS_MAX:
        raise invalid(f"{name} takes at most {METADATA_KEYS_MAX} keys, {len(metadata)} came", param=name)
    for key, text in metadata.items():
        if len(key) > METADATA_KEY_CHARACTERS_MAX:
            raise invalid(f"A key of {name} is longer than {METADATA_KEY_CHARACTERS_MAX} characters", param=name)
        if len(text) > METADATA_VALUE_CHARACTERS_MAX:
            here = _child(name, key)
            raise invalid(f"{here} is longer than {METADATA_VALUE_CHARACTERS_MAX} characters", param=here)


def _read_list(value: Any, schema: Json, name: str) -> list[Any]:
    if value == "":
        return []
    if not isinstance(value, dict) or not all(LIST_PLACE.fullmatch(key) for key in value):
        raise invalid(f"Invalid array: {name}", param=name)
    places = sorted(value, key=int)
    return [_read(value[place], schema.get("items", {}), _child(name, place)) for place in places]


def _read_number(value: str, pattern: str, kind: type[int] | type[float], code: str, name: str) -> int | float:
    if not re.fullmatch(pattern, value, re.ASCII):
        raise invalid(f"Invalid number for {name}: {value[:60]}", param=name, code=code)
    return kind(value)


def _read_text(value: str, schema: Json, name: str) -> str:
    legal = schema.get("enum")
    if legal is not None and value not in legal:
        shown = ", ".join(str(item) for item in legal[:12]) + (" …" if len(legal) > 12 else "")
        raise invalid(f"Invalid {name}: must be one of {shown}", param=name)
    return value
