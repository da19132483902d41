"""The printed invoice: the same bytes for the same facts, nothing evaluated, and no difference left unseen."""

from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import date
from decimal import Decimal
from io import BytesIO
from typing import Any
from uuid import UUID

import pypdfium2  # type: ignore[import-untyped]
import pytest
from contracts.document import (
    Address,
    BankDetails,
    DocumentLine,
    InvoiceDocument,
    Layout,
    Party,
    Tax,
    TaxCategory,
    TaxGroup,
    Totals,
)
from invoice_service.document_agreement import DocumentDisagrees, read_minor
from invoice_service.document_gateway import RenderedDocument, check_agreement, render_invoice_pdf, transfer_svg

PAGE = "https://invoices.nordlicht.example/i/AZk3VbU6cVC5m1p1mZ4zYwGTN1W1OnFQsZ2nU2o9y3kAAAABq8s7t1y5m0x9z2"
VAT_19 = Tax(category=TaxCategory.STANDARD, rate=Decimal(19), name="VAT")


def make_document(**changes: Any) -> InvoiceDocument:
    facts: dict[str, Any] = {
        "number": "INV-2026-0409",
        "title": "Annual report 2026",
        "issue_date": date(2026, 11, 17),
        "due_date": date(2026, 12, 1),
        "currency": "EUR",
        "language": "en",
        "layout": Layout.MODERN,
        "seller": Party(
            name="Nordlicht Studio", address=Address(line1="Oranienstraße 183", city="Berlin", country="DE")
        ),
        "buyer": Party(name="Maple & Birch", address=Address(line1="27 quai de Rive-Neuve", country="FR")),
        "customer_id": UUID(int=7),
        "lines": (make_line(1, "Concept", "12", "720", 864000), make_line(2, "Drawings", "22", "310", 682000)),
        "tax_groups": (
            TaxGroup(
                category=TaxCategory.STANDARD, rate=Decimal(19), name="VAT", taxable_minor=1546000, tax_minor=293740
            ),
        ),
        "totals": Totals(
            lines_minor=1546000, net_minor=1546000, tax_minor=293740, gross_minor=1839740, payable_minor=1839740
        ),
        "bank_details": BankDetails(account_holder="Nordlicht Studio GmbH", iban="DE02120300000000202051"),
    }
    return InvoiceDocument(**(facts | changes))


def make_line(position: int, description: str, quantity: str, price: str, net: int, **changes: Any) -> DocumentLine:
    return DocumentLine(
        position=position,
        description=description,
        quantity=Decimal(quantity),
        unit_price=Decimal(price),
        net_amount_minor=net,
        taxes=(VAT_19,),
        **changes,
    )


def untaxed(currency: str, minor: int) -> dict[str, Any]:
    totals = Totals(lines_minor=minor, net_minor=minor, tax_minor=0, gross_minor=minor, payable_minor=minor)
    line = make_line(1, "Work", "1", "1", minor)
    return {"currency": currency, "lines": (line,), "tax_groups": (), "totals": totals}


def render(document: InvoiceDocument, *, url: str = PAGE, sandbox: bool = False) -> RenderedDocument:
    return render_invoice_pdf(document=document, durable_url=url, sandbox=sandbox)


def words_of(rendered: RenderedDocument) -> str:
    reader = pypdfium2.PdfDocument(BytesIO(rendered.content))
    return "\n".join(page.get_textpage().get_text_range() for page in reader).replace("\u200b", "")


@pytest.mark.parametrize("layout", list(Layout))
@pytest.mark.parametrize("language", ["en", "de", "fr", "es", "it", "nl", "pt", "ja"])
def test_every_layout_agrees_with_its_document_in_every_language(layout: Layout, language: str) -> None:
    document = make_document(layout=layout, language=language)

    rendered = render(document)

    check_agreement(rendered=rendered, document=document)


@pytest.mark.parametrize(
    ("currency", "minor"), [("JPY", 486000), ("KWD", 1284505), ("EUR", 999999999999), ("USD", 5), ("ISK", 0)]
)
@pytest.mark.parametrize("language", ["en", "fr", "de"])
def test_amounts_of_every_size_and_fraction_are_read_back(currency: str, minor: int, language: str) -> None:
    document = make_document(language=language, **untaxed(currency, minor))

    rendered = render(document)

    check_agreement(rendered=rendered, document=document)


def test_a_wrong_total_on_paper_is_caught_and_named() -> None:
    document = make_document()
    wrong = document.totals.model_copy(update={"gross_minor": 1839741, "payable_minor": 1839741})
    rendered = render(document.model_copy(update={"totals": wrong}))

    with pytest.raises(DocumentDisagrees) as caught:
        check_agreement(rendered=rendered, document=document)

    assert caught.value.facts["differences"] == [
        "total reads '18,397.41' instead of 1839740 minor units of EUR",
        "the stub reads '18,397.41' instead of 1839740 minor units",
    ]


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"number": "INV-2026-0408"}, "the number"),
        ({"due_date": date(2026, 12, 11)}, "the due date"),
        ({"due_date": date(2027, 12, 1)}, "the due date"),
        ({"due_date": date(2026, 11, 1)}, "the due date"),
        ({"lines": (make_line(1, "Concept", "12", "720", 864000),)}, "line.1 is missing"),
        (
            {
                "lines": (
                    make_line(1, "Concept", "12", "720", 864000),
                    make_line(2, "Drawings", "22", "310", 682001),
                )
            },
            "line.1",
        ),
        (
            {
                "tax_groups": (
                    TaxGroup(category=TaxCategory.STANDARD, rate=Decimal(19), taxable_minor=1546000, tax_minor=293700),
                )
            },
            "tax.0",
        ),
        (
            {
                "tax_groups": (
                    TaxGroup(category=TaxCategory.STANDARD, rate=Decimal(19), taxable_minor=1546100, tax_minor=293740),
                )
            },
            "base.0",
        ),
        ({"currency": "JPY"}, "total"),
    ],
)
def test_each_planted_difference_is_caught_by_name(change: dict[str, Any], named: str) -> None:
    document = make_document()
    rendered = render(document.model_copy(update=change))

    with pytest.raises(DocumentDisagrees, match=named):
        check_agreement(rendered=rendered, document=document)


def test_an_altered_file_is_caught_although_its_marks_are_right() -> None:
    document = make_document()
    other = render(document.model_copy(update={"due_date": date(2026, 12, 2)}))
    swapped = replace(render(document), content=other.content)

    with pytest.raises(DocumentDisagrees, match="due date"):
        check_agreement(rendered=swapped, document=document)


def test_equal_documents_give_equal_bytes() -> None:
    first = render(make_document())
    render(make_document(layout=Layout.COMPACT, language="de"))

    second = render(make_document())

    assert first.content == second.content
    assert first.sha256 == second.sha256


def test_threads_render_and_read_side_by_side_without_mixing_documents() -> None:
    documents = [make_document(number=f"INV-2026-{number:04d}", title=f"Report {number}") for number in range(24)]
    alone = [render(document).sha256 for document in documents]

    def work(document: InvoiceDocument) -> str:
        rendered = render(document)
        check_agreement(rendered=rendered, document=document)
        return rendered.sha256

    with ThreadPoolExecutor(4) as threads:
        together = list(threads.map(work, documents))

    assert together == alone


def test_a_stripe_document_shows_and_links_the_durable_address() -> None:
    rendered = render(make_document())

    assert PAGE in words_of(rendered).replace("\r\n", "").replace("\n", "")
    assert PAGE.encode() in rendered.content


def test_a_manual_document_has_bank_details_and_no_word_of_stripe() -> None:
    rendered = render(make_document(), url="")

    text = words_of(rendered)
    assert "DE02 1203 0000 0000 2020 51" in text
    assert "stripe" not in text.lower()
    assert b"stripe" not in rendered.content.lower()
    assert b"/URI" not in rendered.content


def test_a_manual_document_without_bank_details_still_names_its_reference() -> None:
    rendered = render(make_document(bank_details=None), url="")

    assert "Reference" in words_of(rendered)


def test_a_sandbox_document_says_so_on_every_page() -> None:
    lines = tuple(make_line(number + 1, f"Line {number}", "1", "1", 100) for number in range(60))
    rendered = render(make_document(lines=lines), sandbox=True)

    reader = pypdfium2.PdfDocument(rendered.content)
    assert len(reader) > 1
    assert all("SANDBOX" in page.get_textpage().get_text_range() for page in reader)
    assert "SANDBOX" not in words_of(render(make_document()))


def test_user_text_is_printed_and_never_evaluated() -> None:
    hostile = '#eval("1+1") $x^2$ @ref *bold* <b>tag</b> \\u{41} "quoted"'

    rendered = render(make_document(title=hostile))

    assert hostile in words_of(rendered)


def test_characters_without_a_glyph_become_squares_and_the_invoice_is_kept() -> None:
    document = make_document(title="会社 \N{THUMBS UP SIGN} \ue000 Report")

    rendered = render(document)

    check_agreement(rendered=rendered, document=document)
    assert "□□ □ □ Report" in words_of(rendered)


def test_control_characters_and_reordering_marks_are_dropped() -> None:
    rendered = render(make_document(title="An\x00nual\x07 \u202ereport\u2066 2026"))

    assert "Annual report 2026" in words_of(rendered)


@pytest.mark.parametrize("title", ["Ετήσια έκθεση", "Годовой отчёт", "Báo cáo thường niên", "שנתי", "سنوي", "प्रतिवेदन"])
def test_other_scripts_are_printed_with_their_own_glyphs(title: str) -> None:
    rendered = render(make_document(title=title))

    assert "□" not in words_of(rendered)


@pytest.mark.parametrize(("country", "width"), [("DE", 595), ("US", 612), ("CA", 612), ("", 595)])
def test_paper_follows_the_country_of_the_seller(country: str, width: int) -> None:
    rendered = render(make_document(seller=Party(name="Acme", address=Address(country=country))))

    assert int(pypdfium2.PdfDocument(rendered.content)[0].get_width()) == width


@pytest.mark.parametrize("layout", list(Layout))
def test_five_hundred_lines_repeat_their_heading_and_count_pages(layout: Layout) -> None:
    lines = tuple(
        make_line(number + 1, f"Item {number + 1}", "1", "2.50", 250, details="A remark.\n" * (number % 4))
        for number in range(500)
    )
    totals = Totals(lines_minor=125000, net_minor=125000, tax_minor=0, gross_minor=125000, payable_minor=125000)
    document = make_document(layout=layout, lines=lines, tax_groups=(), totals=totals)

    rendered = render(document)

    check_agreement(rendered=rendered, document=document)
    pages = [page.get_textpage().get_text_range() for page in pypdfium2.PdfDocument(rendered.content)]
    assert all("Description" in page for page in pages[:-1])
    assert f"{len(pages)} / {len(pages)}" in pages[-1]
    assert "To pay by" in pages[-1]


def test_a_word_of_two_hundred_letters_stays_on_the_page() -> None:
    rendered = render(make_document(lines=(make_line(1, "W" * 200, "1", "1", 864000),)))

    page = pypdfium2.PdfDocument(rendered.content)[0]
    text = page.get_textpage()
    rights = [text.get_charbox(index)[2] for index in range(text.count_chars())]
    assert max(rights) <= page.get_width() - 45


def test_the_file_claims_the_archive_form_and_names_itself() -> None:
    rendered = render(make_document(number="INV/2026 0409"))

    assert b"<pdfaid:part>3</pdfaid:part><pdfaid:conformance>B</pdfaid:conformance>" in rendered.content
    assert rendered.filename == "INV-2026-0409.pdf"
    assert rendered.media_type == "application/pdf"


def test_a_transfer_code_is_only_made_where_the_standard_applies() -> None:
    document = make_document()

    assert transfer_svg(document=document, amount_minor=1839740).startswith("<svg")
    assert transfer_svg(document=make_document(currency="USD"), amount_minor=1839740) == ""
    assert transfer_svg(document=make_document(bank_details=None), amount_minor=1839740) == ""
    assert transfer_svg(document=document, amount_minor=0) == ""


@pytest.mark.parametrize(
    ("text", "currency", "minor"),
    [
        ("18,397.40", "EUR", 1839740),
        ("18.397,40", "EUR", 1839740),
        ("18\u202f397,40", "EUR", 1839740),
        ("\N{MINUS SIGN}485.00", "USD", -48500),
        ("486,000", "JPY", 486000),
        ("1,284.505", "KWD", 1284505),
        ("18,397.4", "EUR", None),
        ("18,397", "EUR", None),
        ("EUR 5.00", "EUR", None),
        ("5.00 6.00", "EUR", None),
        ("", "EUR", None),
    ],
)
def test_a_figure_is_read_only_in_its_whole_form(text: str, currency: str, minor: int | None) -> None:
    assert read_minor(text, currency=currency) == minor
