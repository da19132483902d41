"""JSON schemas in words: what a field is, how large it may be, and what is inside of it.

References are followed within requests, each once on the way down, so that a schema that holds itself ends. Answers
name their objects instead, since each object is described once for all of them.
"""

import json
import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

from invoice_service.api_reference_text import Paragraph, line_of

Schema = Mapping[str, Any]

_REFERENCE = "#/components/schemas/"
_ID_PATTERN = re.compile(r"\^([a-z]+)_\[0-7\]")
_DECIMAL = {"string", "number"}
_FORMATS = {"date": "date", "date-time": "moment", "password": "secret string"}
_RANGES = (
    ("minLength", "maxLength", "character"),
    ("minItems", "maxItems", "item"),
    ("minProperties", "maxProperties", "entry"),
    ("minimum", "maximum", ""),
)
_PLURALS = {"entry": "entries"}
_PATTERN_SHOWN_MAX = 60


@dataclass(frozen=True)
class Kind:
    """``target`` is the object that is described elsewhere, ``values`` are all there are beside ``or_null``."""

    text: str
    target: str = ""
    values: tuple[str, ...] = ()
    or_null: bool = False


@dataclass(frozen=True)
class Field:
    name: str
    kind: Kind
    needed: bool
    bounds: tuple[str, ...]
    pattern: str
    about: Paragraph
    inner: tuple["Field", ...] = ()


@dataclass(frozen=True)
class SchemaReader:
    """``schemas`` are the document's components. ``linked``: objects are named, not opened."""

    schemas: Mapping[str, Schema]
    linked: bool = False

    def fields_of(
        self, schema: Schema, *, defaults: bool = True, seen: frozenset[str] = frozenset()
    ) -> tuple[Field, ...]:
        """Those of an object; none of anything else. Without ``defaults`` a field that is left out stays as it was."""
        name = _name_of(schema)
        whole = self.resolved(schema)
        if name:
            seen = seen | {name}
        needed = set() if self.linked else set(whole.get("required", ()))
        return tuple(
            self.field(field, content, needed=field in needed, defaults=defaults, seen=seen)
            for field, content in whole.get("properties", {}).items()
        )

    def field(
        self, name: str, schema: Schema, *, needed: bool, defaults: bool = True, seen: frozenset[str] = frozenset()
    ) -> Field:
        own = _without_null(schema)
        whole = self.resolved(own)
        inner = self._inner(own)
        opened = () if inner is None or _name_of(inner) in seen else self.fields_of(inner, defaults=defaults, seen=seen)
        return Field(
            name=name,
            kind=self.kind_of(schema),
            needed=needed,
            bounds=tuple(_bounds({**whole, **own}, defaults=defaults and not needed)),
            pattern=_pattern(whole),
            about=line_of(" ".join(str(schema.get("description", "")).split())),
            inner=opened,
        )

    def kind_of(self, schema: Schema) -> Kind:
        kinds = _alternatives(schema)
        or_null = any(kind.get("type") == "null" for kind in schema.get("anyOf", ()))
        if {kind.get("type") for kind in kinds} == _DECIMAL and len(kinds) == len(_DECIMAL):
            return Kind("decimal, as string or number", or_null=or_null)
        found = [self._kind_of_one(kind) for kind in kinds]
        values = tuple(value for kind in found for value in kind.values)
        target = next((kind.target for kind in found if kind.target), "")
        texts = list(dict.fromkeys(kind.text for kind in found if kind.text))
        if len(found) > 1 and all(kind.values for kind in found):
            texts = ["one of"]
        return Kind(" or ".join(texts), target, values, or_null)

    def resolved(self, schema: Schema) -> Schema:
        """The schema that a reference names; an unknown name is an object of which nothing is known."""
        name = _name_of(schema)
        return self.schemas.get(name, {"type": "object"}) if name else schema

    def _kind_of_one(self, schema: Schema) -> Kind:
        name, whole = _name_of(schema), self.resolved(schema)
        if "enum" in whole or "const" in whole:
            values = tuple(_value(value) for value in whole.get("enum", [whole.get("const")]))
            return Kind("always" if len(values) == 1 else "one of", values=values)
        if whole.get("type") == "array":
            inner = self.kind_of(whole.get("items", {}))
            return Kind("array of" if inner.values else f"array of {inner.text}", inner.target, inner.values)
        if whole.get("type") == "object" or "properties" in whole:
            return self._kind_of_object(name, whole)
        pattern = _ID_PATTERN.match(str(whole.get("pattern", "")))
        if pattern:
            return Kind(f"id {pattern[1]}_…")
        return Kind(_FORMATS.get(str(whole.get("format", "")), str(whole.get("type", "anything"))))

    def _kind_of_object(self, name: str, whole: Schema) -> Kind:
        if self.linked and name:
            return Kind(name, target=name)
        free = whole.get("additionalProperties")
        if isinstance(free, Mapping):
            return Kind(f"object with any names, each a {self.kind_of(free).text}")
        return Kind("object")

    def _inner(self, schema: Schema) -> Schema | None:
        """The object to be opened: the schema itself, or what an array has in it."""
        if self.linked:
            return None
        for kind in _alternatives(schema):
            whole = self.resolved(kind)
            if whole.get("type") == "array":
                return self._inner(whole.get("items", {}))
            if "properties" in whole:
                return kind
        return None


def objects_within(schema: Any) -> Iterator[str]:
    """The names of all schemas that are referred to, as they come."""
    if isinstance(schema, Mapping):
        if name := _name_of(schema):
            yield name
        for part in schema.values():
            yield from objects_within(part)
    elif isinstance(schema, list):
        for part in schema:
            yield from objects_within(part)


def _name_of(schema: Schema) -> str:
    reference = schema.get("$ref")
    return reference.removeprefix(_REFERENCE) if isinstance(reference, str) and _REFERENCE in reference else ""


def _alternatives(schema: Schema) -> list[Schema]:
    return [kind for kind in schema.get("anyOf", [schema]) if kind.get("type") != "null"]


def _without_null(schema: Schema) -> Schema:
    """One alternative beside null counts as the schema itself."""
    kinds = _alternatives(schema)
    return {**{key: value for key, value in schema.items() if key != "anyOf"}, **kinds[0]} if kinds else schema


def _bounds(schema: Schema, *, defaults: bool) -> Iterator[str]:
    for least, most, unit in _RANGES:
        if text := _range(schema.get(least), schema.get(most), unit):
            yield text
    default = schema.get("default")
    if defaults and default not in (None, "", [], {}) and not isinstance(default, Mapping):
        yield f"default {_value(default)}"


def _range(least: float | None, most: float | None, unit: str) -> str:
    if not least and most is None:
        return "" if least is None or unit else "at least 0"
    if most is None:
        return f"at least {_counted(least, unit)}"
    if least == most:
        return _counted(most, unit)
    if least is None or (unit and not least):
        return f"up to {_counted(most, unit)}"
    return f"{_figure(least)} to {_counted(most, unit)}"


def _counted(count: float | None, unit: str) -> str:
    plural = unit if count == 1 or not unit else _PLURALS.get(unit, f"{unit}s")
    return f"{_figure(count)} {plural}".strip()


def _value(value: object) -> str:
    return value if isinstance(value, str) and value else json.dumps(value)


def _figure(value: float | None) -> str:
    return f"{value:g}" if value is not None and abs(value) < 1e6 else f"{int(value or 0)}"


def _pattern(schema: Schema) -> str:
    """As it stands, where it can be read and says more than the kind does."""
    pattern = str(schema.get("pattern", ""))
    readable = len(pattern) <= _PATTERN_SHOWN_MAX and not _ID_PATTERN.match(pattern) and r"\d{1,15}" not in pattern
    return pattern if readable else ""
