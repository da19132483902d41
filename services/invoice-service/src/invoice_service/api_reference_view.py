"""The API's description as its reference page shows it: operations by tag, the objects they answer with, refusals."""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from invoice_service.api_reference_fields import Field, Kind, SchemaReader, objects_within
from invoice_service.api_reference_requests import curl_lines
from invoice_service.api_reference_text import Paragraph, line_of, paragraphs_of
from invoice_service.domain.permissions import Permission, who_may

_PLACES = (("path", "In the path"), ("query", "In the query"), ("header", "Headers"))
_OWN = "Whoever is signed in, for themselves. No API key can."


@dataclass(frozen=True)
class ProblemCode:
    """``code`` never changes; ``title`` is what it says to a person."""

    code: str
    title: str


@dataclass(frozen=True)
class FieldGroup:
    title: str
    fields: tuple[Field, ...]
    about: tuple[Paragraph, ...] = ()


@dataclass(frozen=True)
class Answer:
    """A success. ``media`` is said where it is not JSON; ``example`` is JSON text."""

    status: str
    about: Paragraph
    kind: Kind | None
    media: str
    example: str


@dataclass(frozen=True)
class Operation:
    id: str
    method: str
    path: str
    summary: str
    about: tuple[Paragraph, ...]
    who: str
    groups: tuple[FieldGroup, ...]
    answers: tuple[Answer, ...]
    refusals: tuple[str, ...]
    request: str


@dataclass(frozen=True)
class Section:
    id: str
    title: str
    about: tuple[Paragraph, ...]
    operations: tuple[Operation, ...]


@dataclass(frozen=True)
class ObjectView:
    name: str
    about: tuple[Paragraph, ...]
    fields: tuple[Field, ...]


@dataclass(frozen=True)
class Refusal:
    status: str
    about: Paragraph
    codes: tuple[ProblemCode, ...]


@dataclass(frozen=True)
class Reference:
    title: str
    version: str
    about: tuple[Paragraph, ...]
    sections: tuple[Section, ...]
    objects: tuple[ObjectView, ...]
    refusals: tuple[Refusal, ...]


@dataclass(frozen=True)
class Facts:
    """What the OpenAPI document does not hold: ``permissions`` by operation id, None for a person's own; ``codes`` by
    status."""

    permissions: Mapping[str, Permission | None]
    codes: Mapping[int, Sequence[ProblemCode]]


def reference_of(document: Mapping[str, Any], facts: Facts) -> Reference:
    info, components = document["info"], document.get("components", {})
    page = _Page(document, facts, SchemaReader(components.get("schemas", {})))
    return Reference(
        title=info["title"],
        version=info["version"],
        about=paragraphs_of(info.get("description", "")),
        sections=tuple(page.sections()),
        objects=tuple(page.objects()),
        refusals=tuple(page.refusals()),
    )


@dataclass(frozen=True)
class _Page:
    document: Mapping[str, Any]
    facts: Facts
    requests: SchemaReader

    @property
    def answers(self) -> SchemaReader:
        return SchemaReader(self.requests.schemas, linked=True)

    def sections(self) -> Iterator[Section]:
        known = self._known_parameters()
        by_tag: dict[str, list[Operation]] = {tag["name"]: [] for tag in self.document.get("tags", ())}
        for path, method, operation in _operations(self.document):
            tag = next(iter(operation.get("tags", ())), "other")
            by_tag.setdefault(tag, []).append(self._operation(path, method, operation, known))
        about = {tag["name"]: tag.get("description", "") for tag in self.document.get("tags", ())}
        for name, operations in by_tag.items():
            if operations:
                yield Section(f"tag-{name}", _title(name), paragraphs_of(about.get(name, "")), tuple(operations))

    def objects(self) -> Iterator[ObjectView]:
        """All that success answers are made of, by name."""
        waiting = [
            name
            for _, _, operation in _operations(self.document)
            for _, answer in _successes(operation)
            for name in objects_within(answer.get("content", {}))
        ]
        found: dict[str, Mapping[str, Any]] = {}
        while waiting:
            name = waiting.pop()
            if name not in found:
                found[name] = self.requests.schemas.get(name, {})
                waiting += objects_within(found[name])
        for name, schema in sorted(found.items()):
            if "properties" in schema:
                fields = self.answers.fields_of(schema, defaults=False)
                yield ObjectView(name, paragraphs_of(schema.get("description", "")), fields)

    def refusals(self) -> Iterator[Refusal]:
        statuses = {status for _, _, operation in _operations(self.document) for status in _refused(operation)}
        reasons = self.document.get("components", {}).get("responses", {})
        for status in sorted(statuses):
            about = reasons.get(f"Problem{status}", {}).get("description", "")
            yield Refusal(status, line_of(about), tuple(self.facts.codes.get(int(status), ())))

    def _operation(self, path: str, method: str, operation: Mapping[str, Any], known: Mapping[str, str]) -> Operation:
        name = operation["operationId"]
        request = curl_lines(
            method=method,
            path=path,
            operation=operation,
            known=known,
            session_cookie=self._session_cookie(operation),
        )
        return Operation(
            id=name,
            method=method,
            path=path,
            summary=operation.get("summary", name),
            about=paragraphs_of(operation.get("description", "")),
            who=self._who(name),
            groups=(*self._parameters(operation), *self._bodies(operation, defaults=method != "PATCH")),
            answers=tuple(self._answer(status, answer, operation) for status, answer in _successes(operation)),
            refusals=tuple(_refused(operation)),
            request=request,
        )

    def _who(self, name: str) -> str:
        if name not in self.facts.permissions:
            return "Anybody."
        permission = self.facts.permissions[name]
        if permission is None:
            return _OWN
        words = who_may(permission)
        return f"{words[0].upper()}{words[1:]}."

    def _parameters(self, operation: Mapping[str, Any]) -> Iterator[FieldGroup]:
        for place, title in _PLACES:
            fields = tuple(
                self.requests.field(
                    one["name"],
                    {"description": one.get("description", ""), **_without_null(one["schema"])},
                    needed=one.get("required", False),
                )
                for one in operation.get("parameters", ())
                if one["in"] == place
            )
            if fields:
                yield FieldGroup(title, fields)

    def _bodies(self, operation: Mapping[str, Any], *, defaults: bool) -> Iterator[FieldGroup]:
        body = operation.get("requestBody", {})
        for media, content in body.get("content", {}).items():
            schema = content.get("schema", {})
            fields = self.requests.fields_of(schema, defaults=defaults)
            kind = "JSON body" if media == "application/json" else f"Body, {media}"
            title = kind if body.get("required") else f"{kind}, may be left out"
            yield FieldGroup(title, fields, paragraphs_of(self.requests.resolved(schema).get("description", "")))

    def _answer(self, status: str, answer: Mapping[str, Any], operation: Mapping[str, Any]) -> Answer:
        about = answer.get("description", "")
        nothing: tuple[str, Mapping[str, Any]] = ("", {})
        media, content = next(iter(answer.get("content", {}).items()), nothing)
        schema = content.get("schema")
        return Answer(
            status=status,
            about=line_of(about) if about != operation.get("summary") else (),
            kind=self.answers.kind_of(schema) if schema else None,
            media=media if media != "application/json" else "",
            example=json.dumps(content["example"], indent=2, ensure_ascii=False) if "example" in content else "",
        )

    def _session_cookie(self, operation: Mapping[str, Any]) -> str:
        """The name of the cookie of an operation that takes nothing else."""
        schemes = self.document.get("components", {}).get("securitySchemes", {})
        asked = [schemes.get(name, {}) for way in operation.get("security", ()) for name in way]
        cookies = [scheme["name"] for scheme in asked if scheme.get("in") == "cookie"]
        return cookies[0] if cookies and len(cookies) == len(asked) else ""

    def _known_parameters(self) -> dict[str, str]:
        return {
            one["name"]: str(one["example"])
            for _, _, operation in _operations(self.document)
            for one in operation.get("parameters", ())
            if "example" in one
        }


def _operations(document: Mapping[str, Any]) -> Iterator[tuple[str, str, Mapping[str, Any]]]:
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            yield path, method.upper(), operation


def _successes(operation: Mapping[str, Any]) -> Iterator[tuple[str, Mapping[str, Any]]]:
    for status, answer in operation["responses"].items():
        if status.startswith("2"):
            yield status, answer


def _without_null(schema: Mapping[str, Any]) -> Mapping[str, Any]:
    """Outside of a body there is no null."""
    kinds = [kind for kind in schema.get("anyOf", ()) if kind != {"type": "null"}]
    return {**schema, "anyOf": kinds} if kinds else schema


def _refused(operation: Mapping[str, Any]) -> list[str]:
    return [status for status in operation["responses"] if status >= "400"]


def _title(tag: str) -> str:
    return tag.replace("-", " ").capitalize().replace("Api", "API")
