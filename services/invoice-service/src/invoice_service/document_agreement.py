"""Decides whether what stands on the paper is what the document says, by its own reading of digits and dates.

It shares no formatting with the printer: figures are compared digit by digit with the stored integers, and dates by
their day, month and year, so one mistake cannot be made on both sides.
"""

import re
import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from typing import ClassVar

from babel import Locale
from babel.dates import get_month_names
from contracts.document import InvoiceDocument
from contracts.money import fraction_digits
from service_kit.errors import DomainError, ErrorKind

_MINUS = "\N{MINUS SIGN}"


class DocumentDisagrees(DomainError):
    """The printed document says something else than the issued one; nothing may be sent."""

    slug: ClassVar[str] = "document-disagrees"
    kind: ClassVar[ErrorKind] = ErrorKind.CONFLICT
    title: ClassVar[str] = "The printed document disagrees with the invoice"


@dataclass(frozen=True)
class Mark:
    """Where one checked value lies: points from the top left of page ``page``, counted from 1."""

    name: str
    page: int
    x: float
    y: float
    width: float
    height: float


def compare_marks(*, texts: Mapping[str, str], document: InvoiceDocument) -> None:
    """``texts`` is what was read at each mark. Raises `DocumentDisagrees` with every difference in its facts."""
    problems = [*_identity_problems(texts, document), *_amount_problems(texts, document)]
    if problems:
        raise DocumentDisagrees(
            f"{document.number}: " + "; ".join(problems[:5]), facts={"differences": problems, "number": document.number}
        )


def read_minor(text: str, *, currency: str) -> int | None:
    """The minor units that ``text`` shows, or None when it is not exactly one figure with the currency's fraction."""
    digits_after = fraction_digits(currency)
    fraction = rf"[.,](\d{{{digits_after}}})" if digits_after else "()"
    found = re.fullmatch(rf"({_MINUS}?)(\d{{1,3}}(?:[.,'’\s]?\d{{3}})*){fraction}", text.strip())
    if found is None:
        return None
    digits = re.sub(r"\D", "", found[2]) + (found[3] or "")
    return -int(digits) if found[1] else int(digits)


def _identity_problems(texts: Mapping[str, str], document: InvoiceDocument) -> Iterator[str]:
    number = _plain(texts.get("number", ""))
    if number != _plain(document.number):
        yield f"the number reads {number!r} instead of {document.number!r}"
    due = texts.get("due", "")
    if not _shows_date(due, document.due_date, document.language):
        yield f"the due date reads {due!r} instead of {document.due_date.isoformat()}"


def _amount_problems(texts: Mapping[str, str], document: InvoiceDocument) -> Iterator[str]:
    expected = dict(_expected_amounts(document))
    for name, minor in expected.items():
        text = texts.get(name)
        if text is None:
            yield f"{name} is missing"
        elif read_minor(text, currency=document.currency) != minor:
            yield f"{name} reads {text.strip()!r} instead of {minor} minor units of {document.currency}"
    bases = {f"base.{index}": group.taxable_minor for index, group in enumerate(document.tax_groups)}
    for name, minor in bases.items():
        if _last_figure(texts.get(name, ""), currency=document.currency) != minor:
            yield f"{name} reads {texts.get(name, '')!r} instead of {minor} minor units taxable"
    known = expected.keys() | bases.keys() | {"number", "due", "stub.total"}
    yield from (f"{name} is printed but not in the document" for name in texts if name not in known)
    if (
        "stub.total" in texts
        and read_minor(texts["stub.total"], currency=document.currency) != document.totals.payable_minor
    ):
        yield f"the stub reads {texts['stub.total'].strip()!r} instead of {document.totals.payable_minor} minor units"


def _expected_amounts(document: InvoiceDocument) -> Iterator[tuple[str, int]]:
    totals = document.totals
    yield "total", totals.payable_minor
    yield "lines", totals.lines_minor
    if document.allowances or document.charges:
        yield "net", totals.net_minor
    if totals.gross_minor != totals.payable_minor:
        yield "gross", totals.gross_minor
    for index, group in enumerate(document.tax_groups):
        yield f"tax.{index}", group.tax_minor
    for index, line in enumerate(document.lines):
        yield f"line.{index}", line.net_amount_minor


def _last_figure(text: str, *, currency: str) -> int | None:
    """The figure a label ends with; a space inside it can only be one that groups digits."""
    found = re.search(rf"{_MINUS}?\d(?:[\d.,'’\s]*\d)?$", text.strip())
    return read_minor(found[0], currency=currency) if found else None


def _shows_date(text: str, day: date, language: str) -> bool:
    numbers = {int(digits) for digits in re.findall(r"\d+", text)}
    if numbers == {day.day, day.month, day.year}:
        return True
    return numbers == {day.day, day.year} and any(name in text.lower() for name in _month_names(day.month, language))


def _month_names(month: int, language: str) -> set[str]:
    spoken = language.replace("_", "-").split("-")[0]
    locales = [Locale.parse(code) for code in {spoken, "en"} if Locale.negotiate([code], [code])]
    return {str(get_month_names("wide", locale=locale)[month]).lower() for locale in locales}


def _plain(text: str) -> str:
    visible = (
        character for character in unicodedata.normalize("NFKC", text) if unicodedata.category(character) != "Cf"
    )
    return "".join("".join(visible).split())
