"""The finished mail: what it says, in which order, in which language, and with which addresses."""

import re
from urllib.parse import parse_qs, urlsplit

import pytest
from contracts.document import BankDetails
from contracts.events.invoice import CollectionMethod, MailKind
from hypothesis import given
from hypothesis import strategies as st
from notification_service.mail_rendering.payment_address import UnusablePaymentAddress, payment_address
from notification_service.mail_rendering.picture import MailKindNotWritten, picture
from notification_service.mail_rendering.words import LANGUAGES, words_for
from notification_tests import make
from notification_tests.mail_reading import HEADERS, MESSAGE_ID, Seen, body, parsed, written


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


def test_the_method_decides_and_not_what_happens_to_be_known() -> None:
    content = make.content(collection_method=CollectionMethod.MANUAL)

    assert picture(content, link=make.known_link()).button == ""
