"""The exported documents: current, complete, and the check names what is stale and what to do."""

import json
from pathlib import Path
from typing import Any

import pytest
from contracts.catalogue import CATALOGUE, Service
from contracts.schema_export import FOLDER, main, stale_files, write_files
from jsonschema import Draft202012Validator


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    write_files(tmp_path)
    return tmp_path


def async_api_document() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((FOLDER / "asyncapi.json").read_text(encoding="utf-8"))
    return document


def references(value: object) -> list[str]:
    if isinstance(value, dict):
        own = [value["$ref"]] if isinstance(value.get("$ref"), str) else []
        return own + [found for part in value.values() for found in references(part)]
    if isinstance(value, list):
        return [found for part in value for found in references(part)]
    return []


def resolves(document: dict[str, Any], reference: str) -> bool:
    if not reference.startswith("#/"):
        return (FOLDER / reference).is_file()
    target: Any = document
    for part in reference.removeprefix("#/").split("/"):
        target = target.get(part) if isinstance(target, dict) else None
    return target is not None


def test_the_committed_documents_are_current() -> None:
    assert stale_files(FOLDER) == []


def test_a_fresh_export_passes_its_own_check(folder: Path) -> None:
    assert main(["--check", "--folder", str(folder)]) == 0


def test_a_stale_document_fails_the_check_with_its_remedy(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (folder / "schemas" / "invoice.paid.v1.json").write_text("{}", encoding="utf-8")
    (folder / "asyncapi.json").unlink()
    (folder / "schemas" / "invoice.forgotten.v1.json").write_text("{}", encoding="utf-8")

    status = main(["--check", "--folder", str(folder)])

    report = capsys.readouterr().err
    assert status == 1
    assert "schemas/invoice.paid.v1.json differs from the code" in report
    assert "asyncapi.json is missing" in report
    assert "schemas/invoice.forgotten.v1.json belongs to no event" in report
    assert "make schemas" in report


@pytest.mark.parametrize("event_type", sorted(CATALOGUE))
def test_each_schema_is_itself_valid(event_type: str) -> None:
    schema = json.loads((FOLDER / "schemas" / f"{event_type}.json").read_text(encoding="utf-8"))

    Draft202012Validator.check_schema(schema)

    assert schema["title"] == event_type


def test_every_reference_of_the_async_api_document_resolves() -> None:
    document = async_api_document()

    broken = [found for found in references(document) if not resolves(document, found)]

    assert broken == []


def test_every_service_sends_what_it_owns_and_receives_what_it_subscribed_to() -> None:
    document = async_api_document()
    said = {
        name: {reference["$ref"].rsplit("/", 1)[1] for reference in operation["messages"]}
        for name, operation in document["operations"].items()
    }

    for service in Service:
        owned = {name for name, entry in CATALOGUE.items() if entry.owner == service}
        heard = {name for name, entry in CATALOGUE.items() if service in entry.subscribers}
        assert said[f"{service}/publishes"] == owned
        received = [events for name, events in said.items() if name.startswith(f"{service}/hears/")]
        assert set().union(*received) == heard


def test_each_message_says_its_required_attributes() -> None:
    message = async_api_document()["components"]["messages"]["payment.received.v1"]

    headers = message["headers"]["schema"]

    assert headers["properties"]["ce-source"] == {"type": "string", "const": "/payment-service"}
    assert set(headers["required"]) == {
        "ce-specversion", "ce-id", "ce-source", "ce-type", "ce-subject", "ce-time", "ce-organizationid",
        "ce-correlationid", "ce-sequence",
    }  # fmt: skip
