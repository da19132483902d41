"""What a client written for one OpenAPI document would no longer get from another: breaking changes, by place.

Requests may ask for less and take more; answers may give more and leave out nothing. Everything else breaks somebody.
"""

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

Json = Mapping[str, Any]
_BOUNDS_DOWN = ("maxLength", "maximum", "maxItems", "exclusiveMaximum", "maxProperties")
_BOUNDS_UP = ("minLength", "minimum", "minItems", "exclusiveMinimum", "minProperties")
_DEPTH_MAX = 30


def breaking_changes(old: Json, new: Json) -> list[str]:
    """One line for each; empty when a client of ``old`` can go on with ``new``."""
    return list(_Comparison(old, new).all())


@dataclass(frozen=True)
class _Comparison:
    old: Json
    new: Json

    def all(self) -> Iterator[str]:
        for path, methods in self.old["paths"].items():
            for method, operation in methods.items():
                place = f"{method.upper()} {path}"
                successor = self.new["paths"].get(path, {}).get(method)
                if successor is None:
                    yield f"{place}: the operation is gone"
                else:
                    yield from self.operation(place, operation, successor)

    def operation(self, place: str, old: Json, new: Json) -> Iterator[str]:
        if old["operationId"] != new["operationId"]:
            yield f"{place}: its operationId changed from {old['operationId']} to {new['operationId']}"
        yield from self.parameters(place, _by_name(old), _by_name(new))
        yield from self.bodies(place, old.get("requestBody"), new.get("requestBody"))
        yield from self.answers(place, old["responses"], new["responses"])

    def parameters(self, place: str, old: Mapping[str, Json], new: Mapping[str, Json]) -> Iterator[str]:
        for name, parameter in old.items():
            if name not in new:
                yield f"{place}: the parameter {name} is gone"
            else:
                yield from self.request(f"{place}, parameter {name}", parameter["schema"], new[name]["schema"])
        for name, parameter in new.items():
            if parameter.get("required") and not old.get(name, {}).get("required"):
                yield f"{place}: the parameter {name} is now needed"

    def bodies(self, place: str, old: Json | None, new: Json | None) -> Iterator[str]:
        if new is not None and new.get("required") and not (old or {}).get("required"):
            yield f"{place}: a body is now needed"
        for media_type, content in (old or {}).get("content", {}).items():
            successor = (new or {}).get("content", {}).get(media_type)
            if successor is None:
                yield f"{place}: a body as {media_type} is no longer taken"
            elif "schema" in content:
                yield from self.request(f"{place}, body ", content["schema"], successor.get("schema", {}))

    def answers(self, place: str, old: Json, new: Json) -> Iterator[str]:
        for status, answer in old.items():
            if not status.startswith("2"):
                continue
            if status not in new:
                yield f"{place}: it no longer answers {status}"
                continue
            for media_type, content in answer.get("content", {}).items():
                successor = new[status].get("content", {}).get(media_type)
                if successor is None:
                    yield f"{place}: {status} is no longer given as {media_type}"
                elif "schema" in content:
                    yield from self.answer(f"{place}, {status} ", content["schema"], successor.get("schema", {}))

    def request(self, place: str, old: Json, new: Json, depth: int = 0) -> Iterator[str]:
        """What was taken before must still be taken."""
        old, new = self.resolved(self.old, old), self.resolved(self.new, new)
        if depth > _DEPTH_MAX:
            return
        lost = _kinds(old, self.old) - _kinds(new, self.new)
        if lost:
            yield f"{place}: no longer takes {', '.join(sorted(lost))}"
        yield from _tighter(place, old, new)
        known = new.get("properties", {})
        for name, schema in old.get("properties", {}).items():
            if name not in known:
                yield f"{place}/{name}: the field is no longer taken"
            else:
                yield from self.request(f"{place}/{name}", schema, known[name], depth + 1)
        for name in set(new.get("required", ())) - set(old.get("required", ())):
            yield f"{place}/{name}: the field is now needed"
        if "items" in old and "items" in new:
            yield from self.request(f"{place}/*", old["items"], new["items"], depth + 1)

    def answer(self, place: str, old: Json, new: Json, depth: int = 0) -> Iterator[str]:
        """What was given before must still be given, and in no other form."""
        old, new = self.resolved(self.old, old), self.resolved(self.new, new)
        if depth > _DEPTH_MAX:
            return
        added = _kinds(new, self.new) - _kinds(old, self.old)
        if added and _kinds(old, self.old):
            yield f"{place}: may now give {', '.join(sorted(added))}"
        if "enum" in old and set(new.get("enum", ())) < set(old["enum"]):
            yield f"{place}: never gives {', '.join(sorted(set(old['enum']) - set(new.get('enum', ()))))} any more"
        known = new.get("properties", {})
        for name, schema in old.get("properties", {}).items():
            if name not in known:
                yield f"{place}/{name}: the field is no longer given"
            else:
                yield from self.answer(f"{place}/{name}", schema, known[name], depth + 1)
        for name in set(old.get("required", ())) - set(new.get("required", ())):
            if name in known:
                yield f"{place}/{name}: the field may now be missing"
        if "items" in old and "items" in new:
            yield from self.answer(f"{place}/*", old["items"], new["items"], depth + 1)

    def resolved(self, document: Json, schema: Json) -> Json:
        """Follow references and one ``anyOf`` with null, so that the same thing compares as the same."""
        for _ in range(_DEPTH_MAX):
            if "$ref" in schema:
                schema = _pointed_at(document, schema["$ref"])
            elif len(schema.get("allOf", ())) == 1:
                schema = schema["allOf"][0]
            elif len(_not_null(schema)) == 1 and len(schema["anyOf"]) == 2:
                schema = {**self.resolved(document, _not_null(schema)[0]), "nullable": True}
            else:
                break
        return schema


def _by_name(operation: Json) -> dict[str, Json]:
    return {f"{one['name']} ({one['in']})": one for one in operation.get("parameters", ())}


def _pointed_at(document: Json, reference: str) -> Json:
    found: Any = document
    for part in reference.removeprefix("#/").split("/"):
        found = found[part]
    resolved: Json = found
    return resolved


def _not_null(schema: Json) -> list[Json]:
    return [kind for kind in schema.get("anyOf", ()) if kind.get("type") != "null"]


def _kinds(schema: Json, document: Json) -> set[str]:
    """The JSON types that a schema speaks of; empty when it allows anything."""
    kinds: set[str] = {"null"} if schema.get("nullable") else set()
    stated = schema.get("type", ())
    kinds.update([stated] if isinstance(stated, str) else stated)
    for part in (*schema.get("anyOf", ()), *schema.get("oneOf", ())):
        kinds |= _kinds(_pointed_at(document, part["$ref"]) if "$ref" in part else part, document)
    if "number" in kinds:
        kinds.add("integer")
    return kinds


def _tighter(place: str, old: Json, new: Json) -> Iterator[str]:
    if "enum" in new and not set(old.get("enum", new["enum"])) <= set(new["enum"]):
        yield f"{place}: no longer takes {', '.join(sorted(set(old['enum']) - set(new['enum'])))}"
    if "enum" in new and "enum" not in old and "const" not in old:
        yield f"{place}: takes only a closed list now"
    if new.get("pattern") and new.get("pattern") != old.get("pattern"):
        yield f"{place}: another pattern"
    for name in _BOUNDS_DOWN:
        if name in new and new[name] < old.get(name, float("inf")):
            yield f"{place}: {name} is {new[name]}"
    for name in _BOUNDS_UP:
        if name in new and new[name] > old.get(name, float("-inf")):
            yield f"{place}: {name} is {new[name]}"
