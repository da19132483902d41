"""The check that no client of a released API is broken sees each way of breaking one, and lets growth pass."""

import copy
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from invoice_service.app import describe_public_api

from deploy.checks.api_changes import breaking_changes
from deploy.checks.api_document import FOLDER, faults, release, written

Document = dict[str, Any]
Change = Callable[[Document], object]


def _document() -> Document:
    thing = {
        "type": "object",
        "required": ["id", "amount_minor"],
        "properties": {
            "id": {"type": "string"},
            "amount_minor": {"type": "integer"},
            "state": {"$ref": "#/components/schemas/State"},
            "due": {"anyOf": [{"type": "string"}, {"type": "null"}]},
            "lines": {"type": "array", "items": {"type": "object", "properties": {"text": {"type": "string"}}}},
        },
    }
    wish = {
        "type": "object",
        "required": ["name"],
        "properties": {"name": {"type": "string", "maxLength": 200}, "note": {"type": "string"}},
    }
    query = {"name": "limit", "in": "query", "required": False, "schema": {"type": "integer", "maximum": 100}}
    post = {
        "operationId": "create_thing",
        "parameters": [query],
        "requestBody": {"required": True, "content": {"application/json": {"schema": wish}}},
        "responses": {"201": {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/Thing"}}}}},
    }
    state = {"type": "string", "enum": ["open", "closed"]}
    return {"paths": {"/v1/things": {"post": post}}, "components": {"schemas": {"Thing": thing, "State": state}}}


def _post(document: Document) -> Document:
    return document["paths"]["/v1/things"]["post"]  # type: ignore[no-any-return]


def _thing(document: Document) -> Document:
    return document["components"]["schemas"]["Thing"]  # type: ignore[no-any-return]


def _wish(document: Document) -> Document:
    return _post(document)["requestBody"]["content"]["application/json"]["schema"]  # type: ignore[no-any-return]


BREAKING: dict[str, Change] = {
    "an operation is gone": lambda d: d["paths"].clear(),
    "an operation has another id": lambda d: _post(d).update(operationId="make_thing"),
    "a parameter is gone": lambda d: _post(d)["parameters"].clear(),
    "a new parameter is needed": lambda d: _post(d)["parameters"].append(
        {"name": "zone", "in": "query", "required": True, "schema": {"type": "string"}}
    ),
    "a parameter takes less": lambda d: _post(d)["parameters"][0]["schema"].update(maximum=50),
    "a field is now needed": lambda d: _wish(d)["required"].append("note"),
    "a field is no longer taken": lambda d: _wish(d)["properties"].pop("note"),
    "a field takes another type": lambda d: _wish(d)["properties"]["note"].update(type="integer"),
    "a field takes shorter text": lambda d: _wish(d)["properties"]["name"].update(maxLength=100),
    "a field takes a new pattern": lambda d: _wish(d)["properties"]["name"].update(pattern="^[a-z]+$"),
    "a field takes only a closed list": lambda d: _wish(d)["properties"]["note"].update(enum=["a"]),
    "an answer lost a field": lambda d: _thing(d)["properties"].pop("state"),
    "an answer's field may be missing": lambda d: _thing(d)["required"].remove("amount_minor"),
    "an answer's field has another type": lambda d: _thing(d)["properties"]["amount_minor"].update(type="string"),
    "an answer's field may be null": lambda d: _thing(d)["properties"].update(
        id={"anyOf": [{"type": "string"}, {"type": "null"}]}
    ),
    "an answer never gives a word any more": lambda d: d["components"]["schemas"]["State"]["enum"].remove("open"),
    "an answer's list lost a field": lambda d: _thing(d)["properties"]["lines"]["items"]["properties"].clear(),
    "another status": lambda d: _post(d).update(responses={"200": _post(d)["responses"]["201"]}),
    "another media type": lambda d: _post(d)["responses"]["201"].update(content={"text/csv": {}}),
    "a body is no longer taken": lambda d: _post(d).pop("requestBody"),
}
HARMLESS: dict[str, Change] = {
    "a new operation": lambda d: d["paths"].update({"/v1/more": {"get": _post(d)}}),
    "a new field in an answer": lambda d: _thing(d)["properties"].update(more={"type": "string"}),
    "a new optional field": lambda d: _wish(d)["properties"].update(more={"type": "string"}),
    "a new optional parameter": lambda d: _post(d)["parameters"].append(
        {"name": "zone", "in": "query", "schema": {"type": "string"}}
    ),
    "a field takes longer text": lambda d: _wish(d)["properties"]["name"].update(maxLength=300),
    "a field is no longer needed": lambda d: _wish(d)["required"].remove("name"),
    "a new word in an answer": lambda d: d["components"]["schemas"]["State"]["enum"].append("void"),
    "an answer is never null any more": lambda d: _thing(d)["properties"].update(due={"type": "string"}),
    "a schema has another name": lambda d: (
        d["components"]["schemas"].update(Renamed=_thing(d)),
        _post(d)["responses"]["201"]["content"]["application/json"].update(
            schema={"$ref": "#/components/schemas/Renamed"}
        ),
    ),
}


@pytest.mark.parametrize("name", BREAKING)
def test_a_change_that_breaks_a_client_is_named(name: str) -> None:
    changed = copy.deepcopy(_document())
    BREAKING[name](changed)

    assert breaking_changes(_document(), changed) != []


@pytest.mark.parametrize("name", HARMLESS)
def test_growth_breaks_nobody(name: str) -> None:
    changed = copy.deepcopy(_document())
    HARMLESS[name](changed)

    assert breaking_changes(_document(), changed) == []


def test_a_field_taken_out_of_the_real_api_fails_the_check(tmp_path: Path) -> None:
    document = describe_public_api()
    release(document, folder=tmp_path)
    (tmp_path / "openapi.json").write_text(written(document), encoding="utf-8")
    assert faults(document, folder=tmp_path) == []

    del document["components"]["schemas"]["InvoiceView"]["properties"]["number"]
    (tmp_path / "openapi.json").write_text(written(document), encoding="utf-8")

    assert "/number: the field is no longer given" in "\n".join(faults(document, folder=tmp_path))


def test_a_document_that_lags_behind_the_code_fails_the_check(tmp_path: Path) -> None:
    document = describe_public_api()
    (tmp_path / "openapi.json").write_text(written({**document, "info": {}}), encoding="utf-8")

    assert faults(document, folder=tmp_path) == [
        "docs/api/openapi.json is not what the code describes. Remedy: make schemas"
    ]


def test_a_released_document_stands_and_is_numbered() -> None:
    released = sorted((FOLDER / "released").glob("*.json"))

    assert [file.name for file in released] == [f"{number + 1:04}.json" for number in range(len(released))]
    assert released
    assert all(json.loads(file.read_text(encoding="utf-8"))["openapi"].startswith("3.1") for file in released)
