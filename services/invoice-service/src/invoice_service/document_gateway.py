"""The one door to the typesetter, the PDF reader and the maker of codes: renders an invoice and reads it back.

Equal input gives equal bytes, because fonts are pinned here, no system font is seen, and the clock in the file is the
day of issue. User text travels as JSON and is never markup. Call it from a thread: a page takes tens of milliseconds.
"""

import hashlib
import io
import json
import re
import threading
from dataclasses import asdict, dataclass
from datetime import UTC, datetime, time
from pathlib import Path
from typing import Any

import pypdfium2  # type: ignore[import-untyped]
import segno
import segno.helpers
import typst
from contracts.document import InvoiceDocument
from contracts.money import decimal_from_minor

from invoice_service.document_agreement import Mark, compare_marks
from invoice_service.document_sheet import Sheet, bank_facts, build_sheet, is_credit
from invoice_service.document_words import Words, words_for

_HERE = Path(__file__).parent
_TEMPLATES = _HERE / "document_templates"
_FONTS = _HERE / "fonts" / "print"
_TAGGED_LINES_MAX = 50
"""Tags make a long table ten times larger, and PDF/A-3b does not ask for them."""
_UNBROKEN_CHARACTERS_MAX = 24
_MISSING_GLYPH = re.compile(r'the text `"((?:[^"\\]|\\.)*)"` could not be displayed')
_RUST_ESCAPE = re.compile(r"\\u\{([0-9a-f]+)\}|\\(.)")
_REPLACEMENT = "\N{WHITE SQUARE}"
_GLYPH_ROUNDS_MAX = 4
_SLACK_POINTS = 0.6
_own = threading.local()
_one_reader = threading.Lock()
"""PDFium keeps state for the whole process and must not run in two threads at once."""


@dataclass(frozen=True)
class RenderedDocument:
    """``marks`` say where the checked values lie, in points from the top left of their page."""

    content: bytes
    sha256: str
    media_type: str
    filename: str
    marks: tuple[Mark, ...]


def render_invoice_pdf(*, document: InvoiceDocument, durable_url: str, sandbox: bool) -> RenderedDocument:
    """Typeset ``document`` as PDF/A-3b. An empty ``durable_url`` means paid by hand: the stub shows bank details.

    A character that no font of ours has is printed as an empty square rather than losing the invoice.
    """
    sheet = build_sheet(document=document)
    payload = json.dumps(_payload(document, sheet, durable_url, sandbox), ensure_ascii=False, default=str)
    issued = datetime.combine(document.issue_date, time(), tzinfo=UTC)
    tagged = len(document.lines) <= _TAGGED_LINES_MAX
    content, marks = _typeset(sheet.layout.value, payload, int(issued.timestamp()), tagged)
    return RenderedDocument(
        content=content,
        sha256=hashlib.sha256(content).hexdigest(),
        media_type="application/pdf",
        filename=_filename(document.number),
        marks=marks,
    )


def check_agreement(*, rendered: RenderedDocument, document: InvoiceDocument) -> None:
    """Read number, due date and amounts back out of the PDF. Raises `DocumentDisagrees` naming what differs."""
    with _one_reader:
        texts = _read_marks(rendered)
    compare_marks(texts=texts, document=document)


def qr_svg(*, text: str) -> str:
    """``text`` as a QR code, black on nothing, drawn in modules so that it scales without blur."""
    return _svg(segno.make(text, error="m", micro=False))


def transfer_svg(*, document: InvoiceDocument, amount_minor: int) -> str:
    """A code that fills in a euro transfer (EPC069-12); empty without an IBAN, in another currency, or out of range."""
    bank = document.bank_details
    if bank is None or not bank.iban.strip() or document.currency != "EUR" or amount_minor <= 0:
        return ""
    holder = bank.account_holder or document.seller.legal_name or document.seller.name
    amount = decimal_from_minor(amount_minor, "EUR")
    try:
        code = segno.helpers.make_epc_qr(
            name=holder[:70],
            iban="".join(bank.iban.split()),
            amount=amount,
            text=document.number,
            bic=bank.bic.strip() or None,
            encoding="utf-8",
        )
    except ValueError:
        return ""
    return _svg(code)


def _svg(code: segno.QRCode) -> str:
    out = io.BytesIO()
    code.save(
        out, kind="svg", border=0, xmldecl=False, svgns=True, nl=False, omitsize=True, svgclass=None, lineclass=None
    )
    return out.getvalue().decode()


def _filename(number: str) -> str:
    return re.sub(r"[^A-Za-z0-9._-]+", "-", number).strip("-.") + ".pdf"


def _payload(document: InvoiceDocument, sheet: Sheet, durable_url: str, sandbox: bool) -> dict[str, Any]:
    words = words_for(language=document.language, country=document.seller.address.country)
    title = f"{sheet.kind} {sheet.number}, {sheet.seller_name}"
    notice = {"title": words.say("sheet.sandbox"), "note": words.say("sheet.sandbox_note")} if sandbox else None
    stub = None if is_credit(document) else _stub(document, durable_url, words)
    payload = {"sheet": asdict(sheet), "stub": stub, "sandbox": notice, "title": title}
    return {key: _breakable(value) if key == "sheet" else value for key, value in payload.items()}


def _stub(document: InvoiceDocument, durable_url: str, words: Words) -> dict[str, Any]:
    payable = document.totals.payable_minor
    whole, fraction = words.split_figure(payable, document.currency)
    code = qr_svg(text=durable_url) if durable_url else transfer_svg(document=document, amount_minor=payable)
    hint = "" if durable_url else words.say("sheet.bank_scan")
    return {
        "label": words.say("sheet.to_pay_by", date=words.long_date(document.due_date)),
        "whole": whole,
        "fraction": fraction,
        "address": durable_url,
        "address_shown": _broken_address(durable_url),
        "hint": words.say("sheet.scan"),
        "bank": [] if durable_url else [asdict(fact) for fact in bank_facts(document=document, words=words)],
        "code": code,
        "code_hint": hint if code else "",
        "code_text": durable_url or hint,
    }


def _breakable(value: Any) -> Any:
    """Let runs of characters too long for a column break: a zero-width space every few characters."""
    if isinstance(value, dict):
        return {key: _breakable(item) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [_breakable(item) for item in value]
    if isinstance(value, str) and len(value) > _UNBROKEN_CHARACTERS_MAX:
        return re.sub(rf"(\S{{{_UNBROKEN_CHARACTERS_MAX}}})(?=\S)", "\\1\N{ZERO WIDTH SPACE}", value)
    return value


def _broken_address(url: str) -> str:
    return re.sub(r"([/?&=._-])(?=[^/])", "\\1\N{ZERO WIDTH SPACE}", _breakable(url))


def _typeset(layout: str, payload: str, timestamp: int, tagged: bool) -> tuple[bytes, tuple[Mark, ...]]:
    compiler = _compiler()
    template = _TEMPLATES / f"{layout}.typ"
    for _ in range(_GLYPH_ROUNDS_MAX):
        try:
            content = compiler.compile(
                input=template,
                sys_inputs={"invoice": payload},
                format="pdf",
                pdf_standards=["a-3b"],
                pdf_tags=tagged,
                timestamp=timestamp,
            )
        except typst.TypstError as problem:
            payload = _without_missing_glyphs(payload, problem)
            continue
        if not isinstance(content, bytes):
            raise TypeError("the typesetter returned pages instead of one file")
        return content, _marks(compiler)
    raise RuntimeError("characters without a glyph remain after they were replaced")


def _without_missing_glyphs(payload: str, problem: typst.TypstError) -> str:
    missing = {_unescape(text) for text in _MISSING_GLYPH.findall(problem.diagnostic)}
    if not missing:
        raise problem
    for text in sorted(missing, key=len, reverse=True):
        payload = payload.replace(text, _REPLACEMENT)
    return payload


def _unescape(text: str) -> str:
    return _RUST_ESCAPE.sub(lambda found: chr(int(found[1], 16)) if found[1] else found[2], text)


def _compiler() -> typst.Compiler:
    """One per thread: a compiler keeps its inputs between calls, so two threads must not share it."""
    compiler: typst.Compiler | None = getattr(_own, "compiler", None)
    if compiler is None:
        fonts = typst.Fonts(include_system_fonts=False, include_embedded_fonts=False, font_paths=[_FONTS])
        compiler = typst.Compiler(root=_TEMPLATES, font_paths=fonts, ignore_system_fonts=True)
        _own.compiler = compiler
    return compiler


def _marks(compiler: typst.Compiler) -> tuple[Mark, ...]:
    found = json.loads(compiler.query("<mark>", field="value"))
    return tuple(Mark(**mark) for mark in found)


def _read_marks(rendered: RenderedDocument) -> dict[str, str]:
    """The text that lies inside each mark, taken from the bytes alone."""
    texts: dict[str, str] = {}
    reader = pypdfium2.PdfDocument(rendered.content)
    try:
        for number in sorted({mark.page for mark in rendered.marks}):
            page = reader[number - 1]
            height = page.get_height()
            text_page = page.get_textpage()
            for mark in (mark for mark in rendered.marks if mark.page == number):
                texts[mark.name] = text_page.get_text_bounded(
                    left=mark.x - _SLACK_POINTS,
                    right=mark.x + mark.width + _SLACK_POINTS,
                    top=height - mark.y + _SLACK_POINTS,
                    bottom=height - mark.y - mark.height - _SLACK_POINTS,
                )
            text_page.close()
            page.close()
    finally:
        reader.close()
    return texts
