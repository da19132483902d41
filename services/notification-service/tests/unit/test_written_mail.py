"""The finished mail: what it says, in which order, and that no text from a person can become anything but text."""

import email
import html as html_text
import re
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from email.utils import parseaddr
from html.parser import HTMLParser
from urllib.parse import parse_qs, urlsplit

import pytest
from contracts.document import BankDetails, Party
from contracts.events.invoice import CollectionMethod, MailKind
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from notification_service.domain.link_join import KnownLink
from notification_service.mail_content import MailContent
from notification_service.mail_rendering.html_part import HtmlWriter
from notification_service.mail_rendering.payment_address import UnusablePaymentAddress, payment_address
from notification_service.mail_rendering.picture import MailKindNotWritten, picture
from notification_service.mail_rendering.plain import one_line, paragraphs
from notification_service.mail_rendering.words import LANGUAGES, words_for
from notification_service.mail_rendering.written_mail import written_mail
from notification_tests import make

WRITER = HtmlWriter()
MESSAGE_ID = "<mail_x@central.example>"
HEADERS = [
    "From",
    "To",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "Content-Language",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
]


def written(content: MailContent, *, link: KnownLink | None = None) -> bytes:
    return written_mail(
        content,
        link=link,
        files=[(file, make.PDF) for file in content.files],
        message_id=MESSAGE_ID,
        dated_at=make.NOON,
        mail_from="invoices@central.example",
        html_writer=WRITER,
    )


def parsed(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


class Seen(HTMLParser):
    """What a reader sees, and which tags and addresses there are."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self._hidden = 0
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._hidden += tag in ("style", "title")
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "background")]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "title")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())


def test_the_headers_name_the_organisation_and_lead_answers_to_it() -> None:
    message = parsed(written(make.content(), link=make.known_link()))

    assert message["Subject"] == "Invoice INV-2026-0413 from Nordlicht Studio"
    assert message["From"] == "Nordlicht Studio via Invoice Central <invoices@central.example>"
    assert message["Reply-To"] == "Nordlicht Studio <billing@nordlicht.example>"
    assert message["To"] == "dolores@harborstreet.example"
    assert message["Message-ID"] == MESSAGE_ID
    assert message["Date"] == "Sat, 21 Nov 2026 12:00:00 +0000"
    assert list(message.keys()) == HEADERS


def test_the_text_part_follows_the_order_of_the_mail_with_the_amount_on_its_own_line() -> None:
    text = body(parsed(written(make.content(), link=make.known_link())), "plain")

    expected = [
        "Hello Dolores,",
        "Here is the invoice for the winter packaging. Paying takes a minute by card or bank debit.",
        "To pay by 5 December 2026",
        "USD 4,365.00",
        "INV-2026-0413",
        "  Art direction, packaging refresh  2,480.00",
        "  Illustrations, seasonal blend     1,440.00",
        "  Print supervision at the mill       930.00",
        "  Returning customer, 10 %           −485.00",
        "Pay now:",
        "https://buy.stripe.com/test_28o5nS3kd?prefilled_email=dolores%40harborstreet.example&locale=en",
        "https://pay.nordlicht.example/i/7Q2m-Kx9A",
        "Kind regards",
        "Johanna Hellström",
        "Attached: INV-2026-0413.pdf",
        "Nordlicht Studio GmbH, Oranienstraße 183, 10999 Berlin",
        "Reply to this mail and a person answers.",
    ]
    lines = text.split("\n")
    places = [lines.index(line) for line in expected]
    assert places == sorted(places)


def test_both_parts_say_the_same_and_html_loads_nothing_from_outside() -> None:
    message = parsed(written(make.content(), link=make.known_link()))
    seen = Seen(body(message, "html"))

    for words in ("Hello Dolores,", "To pay by 5 December 2026", "2,480.00", "−485.00", "Johanna Hellström"):
        assert words in seen.words
        assert words in body(message, "plain")
    assert {"img", "script", "link", "iframe", "form"}.isdisjoint(seen.tags)
    assert {urlsplit(link).netloc for link in seen.links} == {"buy.stripe.com", "pay.nordlicht.example"}


def test_the_pdf_is_attached_under_its_own_name() -> None:
    [attached] = parsed(written(make.content(), link=make.known_link())).iter_attachments()

    assert attached.get_filename() == "INV-2026-0413.pdf"
    assert attached.get_content_type() == "application/pdf"
    assert attached.get_content() == make.PDF


def test_a_mail_by_hand_has_bank_details_and_notes_and_no_address_at_all() -> None:
    content = make.manual_content(document=make.document(notes="Please quote the number.\n\nThank you."))
    message = parsed(written(content))

    text, seen = body(message, "plain"), Seen(body(message, "html"))
    for words in ("By bank transfer", "DE02 4306 0967 0123 4567 89", "GENODEM1GLS", "Please quote the number."):
        assert words in text
        assert words in seen.words
    assert seen.links == []
    assert "http" not in text
    assert "stripe" not in text.lower()


def test_a_mail_by_hand_never_shows_an_address_even_when_one_is_known() -> None:
    content = make.manual_content(mail=make.mail(durable_url=make.DURABLE_URL))
    message = parsed(written(content, link=make.known_link()))

    assert "http" not in body(message, "plain")
    assert Seen(body(message, "html")).links == []


def test_without_bank_details_a_mail_by_hand_has_no_foot() -> None:
    content = make.manual_content(document=make.document(bank_details=BankDetails(bank_name="Only a name")))

    assert "By bank transfer" not in body(parsed(written(content)), "plain")


def test_a_sandbox_says_so_in_both_parts() -> None:
    message = parsed(written(make.content(), link=make.known_link(sandbox=True)))
    words = "This is a rehearsal. Stripe is not involved and no money moves."

    assert words in body(message, "plain")
    assert words in Seen(body(message, "html")).words
    assert "Stripe’s own page" not in body(message, "plain")


def test_a_real_link_says_nothing_of_a_sandbox() -> None:
    assert "ehearsal" not in body(parsed(written(make.content(), link=make.known_link())), "plain")


def test_more_than_five_lines_are_summed_so_that_the_rows_still_add_up() -> None:
    lines = tuple(make.line(f"Line {place}", 1_000 * place, position=place) for place in range(1, 9))
    document = make.document(lines=lines, allowances=(), totals=make.totals(lines=36_000))

    rows = picture(make.content(document=document, amount_due_minor=36_000), link=make.known_link()).rows

    assert [(row.label, row.value) for row in rows] == [
        ("Line 1", "10.00"),
        ("Line 2", "20.00"),
        ("Line 3", "30.00"),
        ("Line 4", "40.00"),
        ("Line 5", "50.00"),
        ("and 3 more lines", "210.00"),
    ]


def test_tax_and_what_was_paid_already_are_rows_of_their_own() -> None:
    content = make.content(document=make.taxed_document(), amount_due_minor=69_000, currency="EUR")

    rows = picture(content, link=make.known_link()).rows

    assert [(row.label, row.value) for row in rows] == [
        ("Title sequence", "1,000.00"),
        ("VAT 19 %", "190.00"),
        ("Paid so far", "−500.00"),
    ]


def test_nothing_due_has_no_button_to_pay() -> None:
    message = parsed(written(make.content(amount_due_minor=0), link=make.known_link()))

    text = body(message, "plain")
    assert "Nothing is left to pay" in text
    assert "Pay now" not in text
    assert make.DURABLE_URL in text


@pytest.mark.parametrize(
    ("language", "subject", "button"),
    [
        ("en", "Invoice INV-2026-0413 from Nordlicht Studio", "Pay now"),
        ("de-AT", "Rechnung INV-2026-0413 von Nordlicht Studio", "Jetzt bezahlen"),
        ("fr", "Facture INV-2026-0413 de Nordlicht Studio", "Payer maintenant"),
        ("es_MX", "Factura INV-2026-0413 de Nordlicht Studio", "Pagar ahora"),
        ("ja", "Invoice INV-2026-0413 from Nordlicht Studio", "Pay now"),
    ],
)
def test_the_mail_speaks_the_readers_language_or_english(language: str, subject: str, button: str) -> None:
    message = parsed(written(make.content(mail=make.mail(language=language)), link=make.known_link()))

    assert message["Subject"] == subject
    assert button in body(message, "plain")
    assert button in Seen(body(message, "html")).words


def test_every_language_has_every_phrase_with_the_same_places() -> None:
    english = vars(words_for("en"))

    for words in LANGUAGES.values():
        for name, phrase in vars(words).items():
            assert phrase
            assert re.findall(r"{\w+}", phrase) == re.findall(r"{\w+}", english[name]), (words.language, name)


def test_the_same_intent_has_the_same_bytes_every_time() -> None:
    assert written(make.content(), link=make.known_link()) == written(make.content(), link=make.known_link())


def test_everything_travels_as_seven_bit_lines_that_every_server_takes() -> None:
    raw = written(make.content(mail=make.mail(message="ä" * 5_000)), link=make.known_link())

    assert raw.isascii()
    assert all(len(line) <= 998 for line in raw.split(b"\r\n"))
    assert raw.count(b"\n") == raw.count(b"\r\n")


@pytest.mark.parametrize("kind", [MailKind.RECEIPT, MailKind.OWNER_ALERT])
def test_kinds_without_words_are_refused_by_name(kind: MailKind) -> None:
    with pytest.raises(MailKindNotWritten, match=kind.value):
        picture(make.content(mail=make.mail(kind=kind)), link=None)


def test_a_signature_of_several_lines_stands_as_it_is() -> None:
    text = body(parsed(written(make.content(mail=make.mail(signature="Bis bald\nIhre Johanna")))), "plain")

    assert "Bis bald\nIhre Johanna" in text
    assert "Kind regards" not in text


@pytest.mark.parametrize("url", ["javascript:alert(1)", "//buy.stripe.com/x", "https://", "https://a.example/\nb", ""])
def test_only_a_web_address_becomes_a_payment_link(url: str) -> None:
    with pytest.raises(UnusablePaymentAddress):
        payment_address(url=url, payer="a@b.example", stripe_locale="en")


@given(st.text(max_size=30), st.sampled_from(["https://buy.stripe.com/x", "https://buy.stripe.com/x?a=1&b=2"]))
def test_a_payers_address_cannot_change_where_the_link_leads(payer: str, url: str) -> None:
    address = urlsplit(payment_address(url=url, payer=f"{payer}@b.example", stripe_locale="en"))

    assert (address.scheme, address.netloc, address.path, address.fragment) == ("https", "buy.stripe.com", "/x", "")
    known = {"a", "b", "prefilled_email", "locale"}
    assert set(parse_qs(address.query)) <= known


HOSTILE = st.one_of(
    st.text(st.characters(codec=None, exclude_categories=()), max_size=60),
    st.sampled_from(
        [
            "A\r\nBcc: victim@x.example",
            "A\nSubject: other",
            "A\rB",
            "=?utf-8?q?=0D=0ABcc:_v@x.example?=",
            '"Nordlicht, Studio" <x@y.example>, other@z.example',
            "Müller, Söhne & Co. <GmbH>" * 4,
            "</mj-text><mj-raw><script>alert(1)</script></mj-raw>",
            "{{ 7*7 }} {% raw %}",
            "<!--[if mso]>x<![endif]-->",
            "a" * 300,
            "日本語" * 30,
            "\u2028\u2029\x85\x0b\x0c",
            "x" * 80 + " " + "ü" * 80 + ", y",
        ]
    ),
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


def normal(text: str) -> str:
    """Folding may turn a run of blanks into another."""
    return " ".join(str(text).split())


def unfolded(value: object) -> str:
    return str(value).replace("\r\n", "").replace("\n", "")


def shown(value: object) -> str:
    """A header's value as a mail program shows it."""
    return normal(str(make_header(decode_header(unfolded(value)))))


def test_the_method_decides_and_not_what_happens_to_be_known() -> None:
    content = make.content(collection_method=CollectionMethod.MANUAL)

    assert picture(content, link=make.known_link()).button == ""
