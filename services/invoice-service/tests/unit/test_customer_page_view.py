"""What the customer reads in every state, and that nothing they typed can become markup."""

import base64
import hashlib
import re
import tomllib
from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import invoice_service
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
from contracts.events.invoice import CollectionMethod
from invoice_service.customer_html import WrittenPage, write_invoice_page, write_unknown_page
from invoice_service.customer_view import Movement, Replacement, Standing, StubState, build_customer_view, state_of
from invoice_service.document_words import LANGUAGES
from invoice_service.domain.statuses import DocumentStatus, EntryKind, LinkStatus, PaymentStatus

TODAY = date(2026, 11, 21)
WORDS = Path(invoice_service.__file__).parent / "document_templates" / "words"
HOSTILE = '<script>alert("1")</script><img src=x onerror=alert(1)>{{ 7*7 }}\'"'

OPEN = Standing(
    document_status=DocumentStatus.ISSUED,
    collection_method=CollectionMethod.STRIPE,
    link_status=LinkStatus.ACTIVE,
    sandbox=False,
    payment_status=PaymentStatus.UNPAID,
    total_minor=2189600,
    applied_minor=0,
    surplus_minor=0,
    due_minor=2189600,
)
MANUAL = replace(OPEN, collection_method=CollectionMethod.MANUAL, link_status=LinkStatus.NONE)
PAID = replace(
    OPEN,
    payment_status=PaymentStatus.PAID,
    applied_minor=2189600,
    due_minor=0,
    movements=(Movement(on=date(2026, 11, 20), kind=EntryKind.CAPTURE, amount_minor=2189600),),
)
STANDINGS = {
    StubState.PAY: OPEN,
    StubState.BANK: MANUAL,
    StubState.PREPARING: replace(OPEN, link_status=LinkStatus.CREATING),
    StubState.UNAVAILABLE: replace(OPEN, link_status=LinkStatus.FAILED),
    StubState.ON_ITS_WAY: replace(OPEN, payment_status=PaymentStatus.PROCESSING),
    StubState.PAID: PAID,
    StubState.OVERPAID: replace(PAID, payment_status=PaymentStatus.OVERPAID, surplus_minor=120000),
    StubState.DISPUTED: replace(PAID, payment_status=PaymentStatus.DISPUTED),
    StubState.REFUNDED: replace(PAID, payment_status=PaymentStatus.REFUNDED),
    StubState.VOIDING: replace(OPEN, document_status=DocumentStatus.VOIDING),
    StubState.VOID: replace(OPEN, document_status=DocumentStatus.VOID, voided_on=date(2026, 11, 2)),
    StubState.CLOSED: replace(OPEN, document_status=DocumentStatus.UNCOLLECTIBLE),
}


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
            name="Nordlicht Studio", email="billing@nordlicht.example", address=Address(city="Berlin", country="DE")
        ),
        "buyer": Party(name="Maple & Birch"),
        "customer_id": UUID(int=7),
        "lines": (
            DocumentLine(
                position=1,
                description="Concept",
                quantity=Decimal(12),
                unit="days",
                unit_price=Decimal("1533.333333"),
                taxes=(Tax(category=TaxCategory.STANDARD, rate=Decimal(19)),),
                net_amount_minor=1840000,
            ),
        ),
        "tax_groups": (
            TaxGroup(category=TaxCategory.STANDARD, rate=Decimal(19), taxable_minor=1840000, tax_minor=349600),
        ),
        "totals": Totals(
            lines_minor=1840000, net_minor=1840000, tax_minor=349600, gross_minor=2189600, payable_minor=2189600
        ),
        "bank_details": BankDetails(iban="DE02120300000000202051", bic="BYLADEM1001"),
    }
    return InvoiceDocument(**(facts | changes))


def write(standing: Standing, *, language: str = "", today: date = TODAY, **document: Any) -> WrittenPage:
    view = build_customer_view(
        document=make_document(**document), standing=standing, today=today, language=language, transfer_code=""
    )
    return write_invoice_page(view=view, address="/i/token", pay_url="https://buy.stripe.example/abc")


@pytest.mark.parametrize(("state", "standing"), list(STANDINGS.items()))
def test_each_standing_has_its_state(state: StubState, standing: Standing) -> None:
    assert state_of(standing) is state


@pytest.mark.parametrize("language", LANGUAGES)
@pytest.mark.parametrize("state", list(StubState))
def test_every_state_can_be_read_in_every_language(state: StubState, language: str) -> None:
    html = write(STANDINGS[state], language=language).html

    assert f'<html lang="{language}">' in html


@pytest.mark.parametrize("state", list(StubState))
def test_only_an_open_active_link_offers_to_pay(state: StubState) -> None:
    html = write(STANDINGS[state]).html

    assert ('action="/i/token/pay"' in html) is (state is StubState.PAY)


def test_the_pay_button_names_the_amount_that_is_left() -> None:
    part = replace(OPEN, payment_status=PaymentStatus.PARTIALLY_PAID, applied_minor=1104000, due_minor=1085600)

    html = write(part).html

    assert "Pay EUR\N{NO-BREAK SPACE}10,856.00" in html
    assert 'aria-label="11,040.00 of 21,896.00 is paid"' in html
    assert 'aria-label="10,856 euros"' in html


def test_a_page_paid_by_hand_shows_bank_details_and_never_names_stripe() -> None:
    page = write(MANUAL)

    assert "DE02 1203 0000 0000 2020 51" in page.html
    assert "stripe" not in re.sub(r"<style>.*</style>", "", page.html, flags=re.DOTALL).lower()


def test_money_on_its_way_offers_nothing_to_do() -> None:
    html = write(STANDINGS[StubState.ON_ITS_WAY]).html

    assert "you cannot pay twice by accident" in html
    assert "<form" not in html


def test_a_void_page_strikes_the_sum_and_leads_to_the_replacement() -> None:
    other = Replacement("INV-2026-0412", 1790000, date(2026, 12, 16), "/i/other")
    html = write(replace(STANDINGS[StubState.VOID], replacement=other)).html

    assert "It was withdrawn on 2 November 2026, and it cannot be paid." in html
    assert 'class="amount struck' in html
    assert '<div class="stamp">Void</div>' in html
    assert 'href="/i/other"' in html


def test_cents_are_said_in_full_and_whole_amounts_without_them() -> None:
    assert 'aria-label="10,856.50 euros"' in write(replace(OPEN, due_minor=1085650)).html
    assert 'aria-label="10.856 Euro"' in write(replace(OPEN, due_minor=1085600), language="de").html


def test_an_overpaid_page_says_what_is_owed_back() -> None:
    html = write(STANDINGS[StubState.OVERPAID]).html

    assert "We owe you EUR\N{NO-BREAK SPACE}1,200.00." in html


@pytest.mark.parametrize(
    ("today", "words"),
    [
        (date(2026, 11, 30), "Due 1 Dec 2026, in 1 day<"),
        (date(2026, 11, 21), "Due 1 Dec 2026, in 10 days<"),
        (date(2026, 12, 1), "Due today<"),
        (date(2026, 12, 2), "Due 1 Dec 2026, 1 day late<"),
        (date(2026, 12, 6), "Due 1 Dec 2026, 5 days late<"),
    ],
)
def test_the_due_date_answers_so_what(today: date, words: str) -> None:
    assert words in write(OPEN, today=today).html


def test_the_sandbox_is_named_on_the_page() -> None:
    assert "Stripe is not involved and no money moves" in write(replace(OPEN, sandbox=True)).html
    assert "rehearsal" not in write(OPEN).html


def test_hostile_text_is_shown_and_never_markup() -> None:
    party = Party(name=HOSTILE, email='x"><script>', phone=HOSTILE, address=Address(line1=HOSTILE, city=HOSTILE))
    line = make_document().lines[0].model_copy(update={"description": HOSTILE, "details": HOSTILE, "unit": HOSTILE})

    html = write(
        MANUAL,
        number=HOSTILE,
        title=HOSTILE,
        seller=party,
        buyer=party,
        lines=(line,),
        notes=HOSTILE,
        terms=HOSTILE,
        purchase_order=HOSTILE,
        bank_details=BankDetails(account_holder=HOSTILE, iban=HOSTILE, other=HOSTILE),
    ).html

    assert "<script" not in html.lower()
    assert "<img" not in html.lower()
    assert "{{ 7*7 }}" in html
    assert "&lt;script&gt;" in html


@pytest.mark.parametrize("state", list(StubState))
def test_the_page_needs_no_script_no_cookie_and_no_foreign_file(state: StubState) -> None:
    page = write(STANDINGS[state])

    outside = re.sub(r"<style>.*</style>", "", page.html, flags=re.DOTALL)
    assert "<script" not in page.html
    assert not re.search(r"\son\w+=", outside)
    assert not re.search(r'\s(?:src|style)="', outside)
    assert "http" not in outside.replace("http://www.w3.org/2000/svg", "")


def test_the_policy_allows_the_style_by_its_digest_and_forms_to_the_link_only() -> None:
    page = write(OPEN)

    style = re.search(r"<style>(.*)</style>", page.html, flags=re.DOTALL)
    assert style is not None
    digest = base64.b64encode(hashlib.sha256(style[1].encode()).digest()).decode()
    assert page.content_security_policy == (
        f"default-src 'none'; style-src 'sha256-{digest}'; font-src 'self'; "
        "form-action 'self' https://buy.stripe.example; base-uri 'none'; frame-ancestors 'none'"
    )


def test_the_page_of_an_unknown_address_names_nobody() -> None:
    page = write_unknown_page(language="de-AT")

    assert "Diese Adresse öffnet keine Rechnung mehr." in page.html
    assert "Nordlicht" not in page.html


@pytest.mark.parametrize("language", LANGUAGES)
def test_each_language_has_every_text_with_the_same_blanks(language: str) -> None:
    english = tomllib.loads((WORDS / "en.toml").read_text(encoding="utf-8"))
    other = tomllib.loads((WORDS / f"{language}.toml").read_text(encoding="utf-8"))

    assert _blanks(other) == _blanks(english)


def _blanks(words: dict[str, dict[str, str]]) -> dict[tuple[str, str], set[str]]:
    return {
        (section, key): set(re.findall(r"\{(\w+)\}", text))
        for section, texts in words.items()
        for key, text in texts.items()
    }
