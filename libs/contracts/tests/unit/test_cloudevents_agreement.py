"""The cloudevents package as the oracle: what we write it reads, and what it writes we read."""

import json
from pathlib import Path

import pytest
from cloudevents.core.bindings.rabbitmq import RabbitMQMessage, from_binary, to_binary
from cloudevents.core.formats.json import JSONFormat
from cloudevents.core.v1.event import CloudEvent
from contracts.catalogue import decode
from contracts.envelope import CONTENT_TYPE, Envelope
from contracts.freeze_example import EXAMPLES, read_message

PATHS = sorted(EXAMPLES.glob("*.json"))


def decoded(path: Path) -> Envelope:
    headers, body = read_message(path.read_text(encoding="utf-8"))
    return decode(headers=headers, body=body)


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_the_package_reads_the_attributes_that_we_write(path: Path) -> None:
    envelope = decoded(path)
    message = RabbitMQMessage(headers=envelope.headers(), content_type=CONTENT_TYPE, body=envelope.body())

    event = from_binary(message, JSONFormat(), CloudEvent)

    assert event.get_type() == envelope.type
    assert event.get_source() == envelope.source
    assert event.get_subject() == envelope.subject
    assert event.get_time() == envelope.time
    assert event.get_specversion() == "1.0"
    assert event.get_extension("organizationid") == envelope.headers()["ce-organizationid"]
    assert event.get_extension("sequence") == str(envelope.sequence)
    assert event.get_data() == json.loads(envelope.body())


@pytest.mark.parametrize("path", PATHS, ids=lambda path: path.stem)
def test_we_read_the_message_that_the_package_writes(path: Path) -> None:
    envelope = decoded(path)
    attributes = {name.removeprefix("ce-"): value for name, value in envelope.headers().items()}
    event = CloudEvent(
        attributes={**attributes, "time": envelope.time, "datacontenttype": CONTENT_TYPE},
        data=json.loads(envelope.body()),
    )

    message = to_binary(event, JSONFormat())

    assert message.headers == envelope.headers()
    assert message.content_type == CONTENT_TYPE
    assert decode(headers=message.headers, body=message.body) == envelope
