"""Turns the frozen document into the words and figures on its face: the sheet that is printed and shown.

Pure: the same document gives the same sheet for ever, so the PDF and the customer's page show one text. Nothing here
adds or rounds amounts; they are only written out.
"""

import unicodedata
from dataclasses import dataclass

from contracts.document import (
    Address,
    Allowance,
    BankDetails,
    DocumentLine,
    DocumentType,
    InvoiceDocument,
    Layout,
    Party,
    TaxCategory,
    TaxGroup,
)

from invoice_service.document_words import Words, words_for

_LETTER_COUNTRIES = frozenset(["US", "CA"])
_REGION_BEFORE_CODE = frozenset(["US", "CA", "AU"])
_KEPT_FORMAT_CHARACTERS = frozenset("\N{ZERO WIDTH NON-JOINER}\N{ZERO WIDTH JOINER}")


@dataclass(frozen=True)
class Fact:
    label: str
    value: str


@dataclass(frozen=True)
class PartyBlock:
    label: str
    name: str
    lines: tuple[str, ...]


@dataclass(frozen=True)
class SheetLine:
    description: str
    details: tuple[str, ...]
    quantity: str
    unit_price: str
    tax: str
    amount: str


@dataclass(frozen=True)
class SheetRow:
    """One row under the lines. ``mark`` names the figure for the agreement check; empty where it is not checked."""

    label: str
    figure: str
    mark: str = ""


@dataclass(frozen=True)
class Sheet:
    language: str
    layout: Layout
    paper: str
    kind: str
    number: str
    title: str
    seller_name: str
    initials: str
    buyer: PartyBlock
    seller: PartyBlock
    issued: Fact
    due: Fact
    facts: tuple[Fact, ...]
    columns: tuple[str, ...]
    """Headings: description, quantity, price, tax (empty where all lines share one rate), amount."""
    lines: tuple[SheetLine, ...]
    rows: tuple[SheetRow, ...]
    total: SheetRow
    currency: str
    notes: tuple[str, ...]
    terms_label: str
    terms: tuple[str, ...]
    bank: tuple[Fact, ...]


def build_sheet(*, document: InvoiceDocument) -> Sheet:
    """Write ``document`` out in its own language. Control characters in user text are dropped, line breaks kept."""
    words = words_for(language=document.language, country=document.seller.address.country)
    with_tax_column = len(document.tax_groups) > 1
    return Sheet(
        language=words.language,
        layout=document.layout,
        paper="us-letter" if document.seller.address.country in _LETTER_COUNTRIES else "a4",
        kind=words.say(f"sheet.{document.document_type.value}"),
        number=clean(document.number),
        title=clean(document.title),
        seller_name=clean(document.seller.name),
        initials=initials(document.seller.name),
        buyer=_party(document.buyer, label=words.say("sheet.billed_to"), words=words, with_contact=True),
        seller=_party(document.seller, label=words.say("sheet.from"), words=words, with_contact=False),
        issued=Fact(words.say("sheet.issued"), words.long_date(document.issue_date)),
        due=Fact(words.say("sheet.due"), words.long_date(document.due_date)),
        facts=_facts(document, words),
        columns=_columns(document, words, with_tax_column=with_tax_column),
        lines=tuple(_line(line, document.currency, words, with_tax_column) for line in document.lines),
        rows=_rows(document, words),
        total=_total(document, words),
        currency=document.currency,
        notes=_paragraphs(document.notes) + _reasons(document),
        terms_label=words.say("sheet.terms"),
        terms=_paragraphs(document.terms),
        bank=bank_facts(document=document, words=words),
    )


def clean(text: str) -> str:
    """One line of user text in NFC, without control characters and without marks that reorder other text."""
    return " ".join(_visible(text).split())


def initials(name: str) -> str:
    """One or two letters that stand for an organisation: ``Nordlicht Studio`` is ``NS``."""
    letters = [word[0] for word in clean(name).split() if word[0].isalnum()]
    return "".join(letters[:2]).upper()


def bank_facts(*, document: InvoiceDocument, words: Words) -> tuple[Fact, ...]:
    """What a customer types into a transfer, reference last; empty when the seller gave no bank details."""
    bank = document.bank_details or BankDetails()
    pairs = [
        ("account_holder", bank.account_holder or (document.seller.legal_name or document.seller.name)),
        ("iban", grouped_iban(bank.iban)),
        ("bic", bank.bic),
        ("bank", bank.bank_name),
    ]
    known = [Fact(words.say(f"sheet.{key}"), clean(value)) for key, value in pairs if value.strip()]
    other = [Fact("", text) for text in _paragraphs(bank.other)]
    reference = Fact(words.say("sheet.reference"), clean(document.number))
    return (*known, *other, reference) if document.bank_details else (reference,)


def grouped_iban(iban: str) -> str:
    """Groups of four, as people read it aloud (ISO 13616, print format)."""
    compact = "".join(iban.split()).upper()
    return " ".join(compact[start : start + 4] for start in range(0, len(compact), 4))


def _visible(text: str) -> str:
    kept = (
        " " if character.isspace() else character
        for character in unicodedata.normalize("NFC", text)
        if character.isspace()
        or character in _KEPT_FORMAT_CHARACTERS
        or unicodedata.category(character) not in ("Cc", "Cf", "Cs")
    )
    return "".join(kept)


def _paragraphs(text: str) -> tuple[str, ...]:
    cleaned = (clean(line) for line in text.replace("\r\n", "\n").replace("\r", "\n").split("\n"))
    return tuple(line for line in cleaned if line)


def _party(party: Party, *, label: str, words: Words, with_contact: bool) -> PartyBlock:
    lines = [party.contact_name] if with_contact else []
    lines += _address_lines(party.address, words)
    if party.tax_id:
        lines.append(f"{words.say('sheet.tax_id')} {party.tax_id}")
    if not with_contact:
        lines += [party.email, party.phone]
    cleaned = (clean(line) for line in lines)
    return PartyBlock(label=label, name=clean(party.legal_name or party.name), lines=tuple(filter(None, cleaned)))


def _address_lines(address: Address, words: Words) -> list[str]:
    country = words.country(address.country)
    if address.country in _REGION_BEFORE_CODE:
        place = ", ".join(filter(None, [address.city, f"{address.region} {address.postal_code}".strip()]))
        region = ""
    else:
        place = f"{address.postal_code} {address.city}".strip()
        region = address.region
    return [address.line1, address.line2, ", ".join(filter(None, [place, region, country]))]


def _facts(document: InvoiceDocument, words: Words) -> tuple[Fact, ...]:
    pairs = [("purchase_order", document.purchase_order), ("replaces", document.replaces_number)]
    return tuple(Fact(words.say(f"sheet.{key}"), clean(value)) for key, value in pairs if value.strip())


def _columns(document: InvoiceDocument, words: Words, *, with_tax_column: bool) -> tuple[str, ...]:
    price = "sheet.price_with_tax" if document.prices_include_tax else "sheet.price"
    tax = words.say("sheet.tax") if with_tax_column else ""
    return (
        words.say("sheet.description"),
        words.say("sheet.quantity"),
        words.say(price),
        tax,
        words.say("sheet.amount"),
    )


def _line(line: DocumentLine, currency: str, words: Words, with_tax_column: bool) -> SheetLine:
    deductions = [_adjustment(item, currency, words, key="discount", sign=-1) for item in line.allowances]
    additions = [_adjustment(item, currency, words, key="charge", sign=1) for item in line.charges]
    return SheetLine(
        description=clean(line.description),
        details=(*_paragraphs(line.details), *deductions, *additions),
        quantity=f"{words.quantity(line.quantity)} {clean(line.unit)}".strip(),
        unit_price=words.unit_price(line.unit_price, currency),
        tax=" + ".join(_tax_cell(tax.category, words.percent(tax.rate)) for tax in line.taxes)
        if with_tax_column
        else "",
        amount=words.figure(line.net_amount_minor, currency),
    )


def _tax_cell(category: TaxCategory, rate: str) -> str:
    return rate if category in (TaxCategory.STANDARD, TaxCategory.ZERO) else category.value


def _adjustment(item: Allowance, currency: str, words: Words, *, key: str, sign: int) -> str:
    label = clean(item.reason) or words.say(f"sheet.{key}")
    share = f" {words.percent(item.percent)}" if item.percent is not None else ""
    return f"{label}{share}: {words.figure(sign * item.amount_minor, currency)}"


def _rows(document: InvoiceDocument, words: Words) -> tuple[SheetRow, ...]:
    currency, totals = document.currency, document.totals
    rows = [SheetRow(words.say("sheet.subtotal"), words.figure(totals.lines_minor, currency), "lines")]
    adjustments = [(item, "discount", -1) for item in document.allowances]
    adjustments += [(item, "charge", 1) for item in document.charges]
    for item, key, sign in adjustments:
        share = f" {words.percent(item.percent)}" if item.percent is not None else ""
        label = (clean(item.reason) or words.say(f"sheet.{key}")) + share
        rows.append(SheetRow(label, words.figure(sign * item.amount_minor, currency)))
    if adjustments:
        rows.append(SheetRow(words.say("sheet.net"), words.figure(totals.net_minor, currency), "net"))
    rows += [_tax_row(index, group, currency, words) for index, group in enumerate(document.tax_groups)]
    return tuple(rows + _after_tax(document, words))


def _after_tax(document: InvoiceDocument, words: Words) -> list[SheetRow]:
    currency, totals = document.currency, document.totals
    if totals.payable_minor == totals.gross_minor:
        return []
    rows = [SheetRow(words.say("sheet.total"), words.figure(totals.gross_minor, currency), "gross")]
    for item in document.withholdings:
        label = words.say("sheet.withheld", name=clean(item.name), rate=words.percent(item.rate))
        rows.append(SheetRow(label, words.figure(-item.amount_minor, currency)))
    if totals.prepaid_minor:
        rows.append(SheetRow(words.say("sheet.prepaid"), words.figure(-totals.prepaid_minor, currency)))
    return rows


def _tax_row(index: int, group: TaxGroup, currency: str, words: Words) -> SheetRow:
    name = clean(group.name) or words.say("sheet.vat")
    taxable = words.figure(group.taxable_minor, currency)
    if group.category in (TaxCategory.STANDARD, TaxCategory.ZERO):
        label = words.say("sheet.tax_row", name=name, rate=words.percent(group.rate), taxable=taxable)
    else:
        label = words.say(f"sheet.category_{group.category.value}", name=name, taxable=taxable)
    return SheetRow(label, words.figure(group.tax_minor, currency), f"tax.{index}")


def _total(document: InvoiceDocument, words: Words) -> SheetRow:
    reduced = document.totals.payable_minor != document.totals.gross_minor
    label = words.say("sheet.to_pay" if reduced else "sheet.total")
    return SheetRow(label, words.figure(document.totals.payable_minor, document.currency), "total")


def _reasons(document: InvoiceDocument) -> tuple[str, ...]:
    reasons = (clean(group.exemption_reason) for group in document.tax_groups)
    return tuple(dict.fromkeys(reason for reason in reasons if reason))


def is_credit(document: InvoiceDocument) -> bool:
    """A credit note asks for nothing, so it carries no stub."""
    return document.document_type is DocumentType.CREDIT_NOTE
