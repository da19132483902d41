"""The rows of the stub: up to five lines and the rest in one, then what was taken off or added, so that they add up."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import chain

from contracts.document import Allowance, BankDetails, InvoiceDocument, Party

from notification_service.mail_rendering.figures import amount, rate
from notification_service.mail_rendering.plain import one_line
from notification_service.mail_rendering.words import Words

LINES_MAX = 5
_LABEL_LENGTH_MAX = 90


@dataclass(frozen=True)
class Row:
    label: str
    value: str


def stub_rows(document: InvoiceDocument, *, amount_due_minor: int, words: Words) -> tuple[Row, ...]:
    """The values sum to ``amount_due_minor``; a row of the sum itself is the figure above them."""
    totals = document.totals
    steps = chain(
        _lines(document, words=words),
        ((_share(item, words.discount, words=words), -item.amount_minor) for item in document.allowances),
        ((_share(item, words.charge, words=words), item.amount_minor) for item in document.charges),
        _taxes(document, words=words),
        [(words.withheld, -totals.withheld_minor), (words.prepaid, -totals.prepaid_minor)],
        [(words.paid_so_far, amount_due_minor - totals.payable_minor)],
    )
    lines = min(len(document.lines), LINES_MAX + 1)
    return tuple(
        Row(
            label=one_line(label, length_max=_LABEL_LENGTH_MAX),
            value=amount(minor=minor, currency=document.currency, locale=words.locale).digits,
        )
        for place, (label, minor) in enumerate(steps)
        if minor or place < lines
    )


def bank_rows(bank: BankDetails | None, *, seller: Party, number: str, words: Words) -> tuple[Row, ...]:
    """Empty when the organisation named no account."""
    if bank is None or not (bank.iban or bank.bic or bank.other):
        return ()
    holder = bank.account_holder or seller.legal_name or seller.name
    rows = (
        Row(words.bank_to, one_line(holder)),
        Row("IBAN", _in_fours(one_line(bank.iban))),
        Row("BIC", one_line(bank.bic)),
        Row(words.bank_name, one_line(bank.bank_name)),
        Row(words.reference, number),
    )
    return tuple(row for row in rows if row.value)


def _lines(document: InvoiceDocument, *, words: Words) -> Iterable[tuple[str, int]]:
    shown, rest = document.lines[:LINES_MAX], document.lines[LINES_MAX:]
    yield from ((line.description, line.net_amount_minor) for line in shown)
    if rest:
        label = words.more_one if len(rest) == 1 else words.more_other.format(count=len(rest))
        yield label, sum(line.net_amount_minor for line in rest)


def _taxes(document: InvoiceDocument, *, words: Words) -> Iterable[tuple[str, int]]:
    for group in document.tax_groups:
        share = rate(group.rate, locale=words.locale)
        yield words.tax.format(name=group.name, rate=share).strip(), group.tax_minor


def _share(item: Allowance, fallback: str, *, words: Words) -> str:
    reason = item.reason or fallback
    return reason if item.percent is None else f"{reason}, {rate(item.percent, locale=words.locale)} %"


def _in_fours(iban: str) -> str:
    signs = iban.replace(" ", "")
    return " ".join(signs[start : start + 4] for start in range(0, len(signs), 4))
