"""No text from a person can become anything but text: not a header, not markup, not another address."""

import email
import html as html_text
from email import policy
from email.utils import parseaddr

from contracts.document import BankDetails, Party
from hypothesis import HealthCheck, given, settings
from notification_service.mail_rendering.picture import picture
from notification_service.mail_rendering.plain import one_line, paragraphs
from notification_tests import make
from notification_tests.hostile import HOSTILE
from notification_tests.mail_reading import (
    HEADERS,
    WRITER,
    Seen,
    normal,
    parsed,
    shown,
    unfolded,
    written,
)


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=100)
@given(sender=HOSTILE, title=HOSTILE, number=HOSTILE, filename=HOSTILE)
def test_no_text_can_add_a_header_or_change_one(sender: str, title: str, number: str, filename: str) -> None:
    content = make.content(
        mail=make.mail(sender_name=sender, message=""),
        document=make.document(title=title, number=number),
        files=[make.file(filename=filename)],
    )

    message = parsed(written(content, link=make.known_link()))

    raw = email.message_from_bytes(written(content, link=make.known_link()), policy=policy.compat32)
    expected = picture(content, link=make.known_link())
    assert list(message.keys()) == HEADERS
    assert shown(raw["Subject"]) == normal(expected.subject)
    for name, display_name, address in (
        ("From", f"{expected.sender} via Invoice Central", "invoices@central.example"),
        ("Reply-To", expected.sender, "billing@nordlicht.example"),
    ):
        found_name, found_address = parseaddr(unfolded(raw[name]))
        assert found_address == address
        assert shown(found_name) == normal(display_name)
    assert message["To"] == "dolores@harborstreet.example"
    [attached] = message.iter_attachments()
    found = attached.get_filename()
    assert found
    assert not set(found) & set('/\\\r\n"')
    assert attached.get_content() == make.PDF


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=100)
@given(name=HOSTILE, message=HOSTILE, description=HOSTILE, notes=HOSTILE, bank=HOSTILE)
def test_no_text_can_become_markup(name: str, message: str, description: str, notes: str, bank: str) -> None:
    content = make.manual_content(
        mail=make.mail(message=message, signature=name, durable_url=""),
        document=make.document(
            buyer=Party(name="B", contact_name=name),
            lines=(make.line(description, 100),),
            notes=notes,
            bank_details=BankDetails(iban="DE02", other=bank),
        ),
    )
    harmless = make.manual_content(
        mail=make.mail(message="x", durable_url=""), document=make.document(lines=(make.line("x", 100),))
    )

    markup = WRITER.html(picture(content, link=None))
    seen = Seen(markup)

    assert set(seen.tags) <= set(Seen(WRITER.html(picture(harmless, link=None))).tags) | {"br"}
    assert seen.links == []
    for text in (name, description):
        assert " ".join(one_line(text, length_max=90).split()) in seen.words or len(text) > 80
    for text in (message, notes, bank):
        for paragraph in paragraphs(text):
            for line in paragraph:
                assert " ".join(line.split()) in seen.words
    assert "<script" not in markup
    assert html_text.unescape(markup).count("49") <= markup.count("49") + seen.words.count("49")


def test_an_encoded_word_in_a_name_does_not_become_a_line_of_its_own() -> None:
    sender = "=?utf-8?q?Nordlicht=0D=0ABcc:_victim@x.example?="

    raw = written(make.content(mail=make.mail(sender_name=sender)), link=make.known_link())

    assert b"\nBcc" not in raw
    assert list(parsed(raw).keys()) == HEADERS
