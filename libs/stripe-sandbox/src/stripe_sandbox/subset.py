"""The subset document, asked two questions: what does this request look like, and is this object what Stripe declares?

Nothing leaves the sandbox that the document does not accept, so a client tested here meets no field of another type.
"""

import json
import re
from dataclasses import dataclass, field
from functools import cache, cached_property
from typing import Any, cast

from jsonschema import Draft202012Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT202012

from stripe_sandbox.cut_subset import SUBSET_FILE

Json = dict[str, Any]
DOCUMENT = "urn:stripe-subset"


class ShapeProblem(Exception):
    """The sandbox made an object that the subset does not accept. A fault of the sandbox, never of the caller."""


@dataclass(frozen=True)
class Operation:
    method: str
    template: str
    params: Json
    answer: Json
    answer_pointer: str


@dataclass(frozen=True)
class Match:
    operation: Operation
    path: dict[str, str]


def _query_schema(parameters: list[Json]) -> Json:
    queries = [parameter for parameter in parameters if parameter["in"] == "query"]
    return {
        "type": "object",
        "properties": {query["name"]: query["schema"] for query in queries},
        "required": [query["name"] for query in queries if query["required"]],
        "additionalProperties": False,
    }


def _operation(method: str, template: str, declared: Json) -> Operation:
    form = declared.get("requestBody", {}).get("content", {}).get("application/x-www-form-urlencoded", {})
    params = form.get("schema") or _query_schema(declared["parameters"])
    answer = declared["responses"]["200"]["content"]["application/json"]["schema"]
    escaped = template.replace("~", "~0").replace("/", "~1")
    pointer = f"#/paths/{escaped}/{method}/responses/200/content/application~1json/schema"
    return Operation(method, template, params, answer, pointer)


def allows_null(schema: Json) -> bool:
    if "anyOf" in schema:
        return any(allows_null(option) for option in schema["anyOf"])
    kind = schema.get("type")
    return kind == "null" or (isinstance(kind, list) and "null" in kind) or not schema


@dataclass
class Subset:
    document: Json
    _validators: dict[str, Draft202012Validator] = field(default_factory=dict)

    @classmethod
    @cache
    def load(cls) -> "Subset":
        """Once per process: the document never changes, and its validators are costly to make."""
        return cls(json.loads(SUBSET_FILE.read_text()))

    @property
    def version(self) -> str:
        return cast(str, self.document["info"]["version"])

    @cached_property
    def _routes(self) -> list[tuple[re.Pattern[str], dict[str, Operation]]]:
        routes = []
        for template, verbs in self.document["paths"].items():
            pattern = re.compile(re.sub(r"{(\w+)}", r"(?P<\1>[^/]+)", template))
            routes.append((pattern, {verb: _operation(verb, template, declared) for verb, declared in verbs.items()}))
        return routes

    def match(self, *, method: str, path: str) -> Match | None:
        for pattern, verbs in self._routes:
            found = pattern.fullmatch(path)
            if found and method.lower() in verbs:
                return Match(verbs[method.lower()], found.groupdict())
        return None

    def schema(self, name: str) -> Json:
        return cast(Json, self.document["components"]["schemas"][name])

    def resolve(self, schema: Json, value: Any = None) -> Json:
        """Follow references, and of several options take the one an object could be."""
        if "$ref" in schema:
            return self.schema(schema["$ref"].rsplit("/", 1)[1])
        if "anyOf" in schema and isinstance(value, dict):
            options = [self.resolve(option) for option in schema["anyOf"]]
            for option in options:
                if "properties" in option:
                    return option
        return schema

    def complete(self, name: str, partial: Json) -> Json:
        """`partial` with every declared field: what may be null and was not given becomes null, at every depth."""
        return cast(Json, self._fill(self.schema(name), partial))

    def _fill(self, declared: Json, value: Any) -> Any:
        schema = self.resolve(declared, value)
        if isinstance(value, list):
            return [self._fill(schema.get("items", {}), item) for item in value]
        if not isinstance(value, dict) or "properties" not in schema:
            return value
        filled = {}
        for name, property_schema in schema["properties"].items():
            if name in value:
                filled[name] = self._fill(property_schema, value[name])
            elif allows_null(property_schema):
                filled[name] = None
        return {**filled, **{name: item for name, item in value.items() if name not in filled}}

    def expect(self, pointer: str, value: Any) -> None:
        """Raise `ShapeProblem` unless `value` is what stands at `pointer`, or at that component when it is a name."""
        place = pointer if pointer.startswith("#") else f"#/components/schemas/{pointer}"
        problem = next(self._validator(place).iter_errors(value), None)
        if problem is not None:
            where = "/".join(str(part) for part in problem.absolute_path)
            raise ShapeProblem(f"{place}: {where}: {problem.message[:300]}")

    def _validator(self, place: str) -> Draft202012Validator:
        if place not in self._validators:
            schema = {"$ref": DOCUMENT + place}
            self._validators[place] = Draft202012Validator(schema, registry=self._registry)
        return self._validators[place]

    @cached_property
    def _registry(self) -> Registry[Any]:
        resource: Resource[Any] = Resource.from_contents(self.document, default_specification=DRAFT202012)
        empty: Registry[Any] = Registry()
        return cast(Registry[Any], empty.with_resource(DOCUMENT, resource))
