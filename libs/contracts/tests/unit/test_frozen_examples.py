"""The frozen examples: each released event version decodes for ever, unchanged and complete."""

import hashlib
import json
from pathlib import Path

import pytest
from contracts.canonical import canonical_sha256
from contracts.catalogue import CATALOGUE, decode
from contracts.envelope import Envelope
from contracts.events.invoice import InvoiceSent
from contracts.freeze_example import EXAMPLES, ExampleIsFrozen, freeze, main, read_message
from contracts.schema_export import event_schema
from jsonschema import Draft202012Validator

PATHS = sorted(EXAMPLES.glob("*.json"))


def decoded(path: Path) -> Envelope:
    headers, body = read_message(path.read_text(encoding="utf-8"))
    return decode(headers=headers, body=body)


def test_every_event_of_the_catalogue_has_a_frozen_example() -> None:
    assert {path.stem for path in PATHS} == set(CATALOGUE)


def test_no_frozen_example_was_changed_since_it_was_frozen() -> None:
    rows = (EXAMPLES / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    expected = {name: digest for digest, name in (row.split() for row in rows)}

    actual = {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in PATHS}

    assert actual == expected, "an example is a promise: restore it, and give the changed event a new version"


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_frozen_example_decodes_and_encodes_to_the_same_message(path: Path) -> None:
    headers, body = read_message(path.read_text(encoding="utf-8"))

    envelope = decode(headers=headers, body=body)

    assert envelope.headers() == headers
    written = json.loads(envelope.body())
    assert {name: written[name] for name in json.loads(body)} == json.loads(body)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_a_frozen_example_is_valid_by_the_exported_schema(path: Path) -> None:
    _, body = read_message(path.read_text(encoding="utf-8"))

    errors = list(Draft202012Validator(event_schema(path.stem)).iter_errors(json.loads(body)))

    assert errors == []


def test_the_digest_of_the_frozen_document_can_be_computed_again() -> None:
    event = decoded(EXAMPLES / "invoice.sent.v1.json").data
    assert isinstance(event, InvoiceSent)

    digest = canonical_sha256(event.document)

    assert digest == event.document_sha256


def test_freezing_refuses_to_overwrite_an_example(tmp_path: Path) -> None:
    envelope = decoded(EXAMPLES / "invoice.voided.v1.json")
    freeze(envelope, tmp_path)

    with pytest.raises(ExampleIsFrozen, match="new version"):
        freeze(envelope, tmp_path)


def test_the_command_freezes_once_and_then_ends_with_status_one(tmp_path: Path) -> None:
    arguments = [str(EXAMPLES / "invoice.voided.v1.json"), "--folder", str(tmp_path)]

    statuses = [main(arguments), main(arguments)]

    assert statuses == [0, 1]
    assert (tmp_path / "invoice.voided.v1.json").read_bytes() == (EXAMPLES / "invoice.voided.v1.json").read_bytes()


def test_the_command_refuses_a_message_that_does_not_decode(tmp_path: Path) -> None:
    message = tmp_path / "message.json"
    message.write_text('{"headers": {"ce-type": "invoice.unheard_of.v1"}, "body": {}}', encoding="utf-8")

    status = main([str(message), "--folder", str(tmp_path)])

    assert status == 1
    assert not list(tmp_path.glob("invoice.*"))
