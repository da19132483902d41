"""Replaces ids by their objects where `expand[]` asks for it and the subset calls it expandable.

Source: https://docs.stripe.com/api/expanding_objects (dots go deeper, `data.` in lists, four levels at most).
"""

from typing import Any

from stripe_sandbox.refusals import Refusal, invalid
from stripe_sandbox.sandbox import Json, Sandbox

LEVELS_MAX = 4
INCLUDED_ON_REQUEST = "line_items"


def expand(sandbox: Sandbox, *, schema: Json, body: Json, paths: list[str]) -> Json:
    for path in paths:
        names = path.split(".")
        if len(names) > LEVELS_MAX:
            raise invalid(f"You cannot expand more than {LEVELS_MAX} levels: {path[:100]}", param="expand")
        body = _expanded(sandbox, schema, body, names, path)
    return body


def _not_expandable(path: str) -> Refusal:
    return invalid(f"This property cannot be expanded ({path[:100]}).", param="expand")


def _expanded(sandbox: Sandbox, declared: Json, value: Any, names: list[str], path: str) -> Any:
    schema = sandbox.subset.resolve(declared, value)
    if isinstance(value, list):
        return [_expanded(sandbox, schema["items"], item, names, path) for item in value]
    name, rest = names[0], names[1:]
    field_schema = schema.get("properties", {}).get(name)
    if field_schema is None:
        raise _not_expandable(path)
    held = value.get(name)
    if name == INCLUDED_ON_REQUEST and held is None:
        held = _line_items(sandbox, value)
    elif _is_expandable(field_schema):
        held = _fetched(sandbox, held)
    elif not rest:
        raise _not_expandable(path)
    if rest and held is not None:
        held = _expanded(sandbox, field_schema, held, rest, path)
    return {**value, name: held}


def _is_expandable(schema: Json) -> bool:
    return bool(schema.get("x-expandable")) or any("$ref" in option for option in schema.get("anyOf", ()))


def _fetched(sandbox: Sandbox, held: Any) -> Any:
    """An id of a kind the sandbox does not keep, such as a payment method, stays an id."""
    record = sandbox.store.find(held) if isinstance(held, str) else None
    return held if record is None else record.body


def _line_items(sandbox: Sandbox, owner: Json) -> Json:
    record = sandbox.store.find(owner["id"])
    items = record.private["line_items"] if record else []
    noun = "payment_links" if owner["object"] == "payment_link" else "checkout/sessions"
    return {"object": "list", "data": items, "has_more": False, "url": f"/v1/{noun}/{owner['id']}/line_items"}
