"""Decides what a customer sees beside the sheet: the one figure that matters, the words under it, and what can be done.

Pure: what is true of the invoice comes in as a `Standing`, beside the day, and one table of states decides. Nothing
here promises what the ledger does not say.
"""

from dataclasses import dataclass
from datetime import date
from enum import StrEnum

from contracts.document import InvoiceDocument
from contracts.events.invoice import CollectionMethod

from invoice_service.document_sheet import Fact, Sheet, bank_facts, build_sheet, clean
from invoice_service.document_words import LANGUAGES, NAMES_OF_LANGUAGES, Words, words_for
from invoice_service.domain.statuses import DocumentStatus, EntryKind, LinkStatus, PaymentStatus


class StubState(StrEnum):
    PAY = "pay"
    BANK = "bank"
    PREPARING = "preparing"
    UNAVAILABLE = "unavailable"
    ON_ITS_WAY = "on_its_way"
    PAID = "paid"
    OVERPAID = "overpaid"
    DISPUTED = "disputed"
    REFUNDED = "refunded"
    VOIDING = "voiding"
    VOID = "void"
    CLOSED = "closed"


OPEN_STATES = frozenset([StubState.PAY, StubState.BANK, StubState.PREPARING, StubState.UNAVAILABLE])
_FAMILIES = {
    StubState.ON_ITS_WAY: "violet",
    StubState.PAID: "green",
    StubState.OVERPAID: "cyan",
    StubState.DISPUTED: "magenta",
    StubState.REFUNDED: "brown",
    StubState.VOIDING: "grey",
    StubState.VOID: "grey",
    StubState.CLOSED: "brown",
}


@dataclass(frozen=True)
class Replacement:
    number: str
    total_minor: int
    due_date: date
    address: str


@dataclass(frozen=True)
class Movement:
    """Money that came or went; ``amount_minor`` is signed."""

    on: date
    kind: EntryKind
    amount_minor: int


@dataclass(frozen=True)
class Standing:
    """What is true of the invoice now. Amounts are minor units of the document's currency."""

    document_status: DocumentStatus
    collection_method: CollectionMethod
    link_status: LinkStatus
    sandbox: bool
    payment_status: PaymentStatus
    total_minor: int
    applied_minor: int
    surplus_minor: int
    due_minor: int
    movements: tuple[Movement, ...] = ()
    voided_on: date | None = None
    replacement: Replacement | None = None


@dataclass(frozen=True)
class Amount:
    code: str
    whole: str
    fraction: str
    spoken: str


@dataclass(frozen=True)
class Bar:
    """``paid_percent`` is the solid share; the rest is in flight or still open. ``spoken`` says the split in words."""

    paid_percent: float
    in_flight: bool
    spoken: str
    paid: Fact
    rest: Fact


@dataclass(frozen=True)
class CustomerView:
    language: str
    languages: tuple[tuple[str, str], ...]
    state: StubState
    family: str
    pill: str
    late: bool
    heading: str
    about: str
    label: str
    due_note: str
    amount: Amount
    text: str
    bar: Bar | None
    foot_title: str
    foot_text: str
    pay_label: str
    bank: tuple[Fact, ...]
    transfer_code: str
    movements: tuple[tuple[str, str, str], ...]
    replacement: Replacement | None
    replacement_note: str
    stamp: str
    sandbox: bool
    sheet: Sheet
    seller: str
    footer: str
    email: str
    phone: str
    words: Words


def state_of(standing: Standing) -> StubState:
    """The first row that fits: what happened to the document, then to the money, then how it can be paid."""
    rows = (
        (StubState.VOID, standing.document_status is DocumentStatus.VOID),
        (StubState.VOIDING, standing.document_status is DocumentStatus.VOIDING),
        (StubState.CLOSED, standing.document_status is DocumentStatus.UNCOLLECTIBLE),
        (StubState.DISPUTED, standing.payment_status is PaymentStatus.DISPUTED),
        (StubState.ON_ITS_WAY, standing.payment_status is PaymentStatus.PROCESSING),
        (StubState.OVERPAID, standing.due_minor <= 0 and standing.surplus_minor > 0),
        (StubState.REFUNDED, standing.payment_status is PaymentStatus.REFUNDED),
        (StubState.PAID, standing.due_minor <= 0),
        (StubState.BANK, standing.collection_method is CollectionMethod.MANUAL),
        (StubState.PAY, standing.link_status is LinkStatus.ACTIVE),
        (StubState.UNAVAILABLE, standing.link_status is LinkStatus.FAILED),
    )
    return next((state for state, fits in rows if fits), StubState.PREPARING)


def build_customer_view(
    *, document: InvoiceDocument, standing: Standing, today: date, language: str, transfer_code: str
) -> CustomerView:
    """``language`` is the reader's wish or empty; the sheet stays in its own. ``transfer_code`` is an SVG or empty."""
    words = words_for(language=language or document.language, country=document.seller.address.country)
    state = state_of(standing)
    shown_minor = _shown_minor(state, standing)
    seller = clean(document.seller.name)
    sheet = build_sheet(document=document)
    about = words.say(
        "page.about",
        kind=words.say(f"sheet.{document.document_type.value}"),
        number=clean(document.number),
        buyer=clean(document.buyer.legal_name or document.buyer.name),
    )
    foot_title, foot_text = _foot(state, words, seller)
    return CustomerView(
        language=words.language,
        languages=tuple((code, NAMES_OF_LANGUAGES[code]) for code in LANGUAGES),
        state=state,
        family=_FAMILIES.get(state, ""),
        pill=words.say(f"page.{state.value}") if state in _FAMILIES else "",
        late=state in OPEN_STATES and today > document.due_date,
        heading=clean(document.title) or about,
        about=about if clean(document.title) else "",
        label=words.say("page.left_to_pay") if state in OPEN_STATES else "",
        due_note=_due_note(document.due_date, today, words) if state in OPEN_STATES else "",
        amount=_amount(shown_minor, document.currency, words),
        text=_text(state, standing, document.currency, words),
        bar=_bar(state, standing, document.currency, words),
        foot_title=foot_title,
        foot_text=foot_text,
        pay_label=words.say("page.pay", amount=words.money(shown_minor, document.currency)),
        bank=bank_facts(document=document, words=words) if state is StubState.BANK else (),
        transfer_code=transfer_code if state is StubState.BANK else "",
        movements=_movements(standing, document.currency, words),
        replacement=standing.replacement if state is StubState.VOID else None,
        replacement_note=_replacement_note(standing.replacement, document.currency, words),
        stamp=words.say("page.void") if state is StubState.VOID else "",
        sandbox=standing.sandbox and standing.collection_method is CollectionMethod.STRIPE,
        sheet=sheet,
        seller=seller,
        footer=", ".join([sheet.seller.name, *_street_and_place(document)]),
        email=clean(document.seller.email),
        phone=clean(document.seller.phone),
        words=words,
    )


def _shown_minor(state: StubState, standing: Standing) -> int:
    if state in OPEN_STATES or state is StubState.ON_ITS_WAY:
        return standing.due_minor
    return standing.surplus_minor if state is StubState.OVERPAID else standing.total_minor


def _amount(minor: int, currency: str, words: Words) -> Amount:
    whole, fraction = words.split_figure(minor, currency)
    return Amount(code=currency, whole=whole, fraction=fraction, spoken=words.spoken(minor, currency))


def _due_note(due: date, today: date, words: Words) -> str:
    days = (due - today).days
    if days == 0:
        return words.say("page.due_today")
    if days < 0:
        return words.count("page.late", -days, date=words.short_date(due))
    return words.count("page.due_in", days, date=words.short_date(due))


def _text(state: StubState, standing: Standing, currency: str, words: Words) -> str:
    arrivals = [movement.on for movement in standing.movements if movement.amount_minor > 0]
    if state is StubState.PAID and arrivals:
        return words.say("page.paid_in_full", date=words.long_date(max(arrivals)))
    if state is StubState.OVERPAID:
        return words.say("page.overpaid_text", amount=words.money(standing.surplus_minor, currency))
    if state is StubState.VOID and standing.voided_on is not None:
        return words.say("page.void_text", date=words.long_date(standing.voided_on))
    return ""


def _foot(state: StubState, words: Words, seller: str) -> tuple[str, str]:
    """Title and text below the perforation, where the state has any."""
    keys = {
        StubState.BANK: ("bank_title", ""),
        StubState.PREPARING: ("preparing_title", "preparing"),
        StubState.UNAVAILABLE: ("unavailable_title", "unavailable"),
        StubState.ON_ITS_WAY: ("on_its_way_title", "on_its_way_text"),
        StubState.OVERPAID: ("", "overpaid_note"),
        StubState.DISPUTED: ("disputed_title", "disputed_text"),
        StubState.REFUNDED: ("", "refunded_text"),
        StubState.VOIDING: ("", "voiding_text"),
        StubState.CLOSED: ("", "closed_text"),
    }
    title, text = keys.get(state, ("", ""))
    return (
        words.say(f"page.{title}") if title else "",
        words.say(f"page.{text}", seller=seller) if text else "",
    )


def _bar(state: StubState, standing: Standing, currency: str, words: Words) -> Bar | None:
    in_flight = state is StubState.ON_ITS_WAY
    if not in_flight and not (state in OPEN_STATES and standing.applied_minor > 0):
        return None
    paid = words.figure(standing.applied_minor, currency)
    total = words.figure(standing.total_minor, currency)
    rest = Fact(words.say("page.in_flight"), words.figure(standing.due_minor, currency))
    return Bar(
        paid_percent=round(100 * standing.applied_minor / max(standing.total_minor, 1), 3),
        in_flight=in_flight,
        spoken=words.say("page.split", paid=paid, total=total),
        paid=Fact(words.say("page.paid"), paid),
        rest=rest if in_flight else Fact("", words.say("page.of_total", amount=total)),
    )


def _movements(standing: Standing, currency: str, words: Words) -> tuple[tuple[str, str, str], ...]:
    return tuple(
        (
            words.short_date(movement.on),
            words.say(f"page.entry_{movement.kind.value}"),
            words.figure(movement.amount_minor, currency),
        )
        for movement in standing.movements
    )


def _replacement_note(replacement: Replacement | None, currency: str, words: Words) -> str:
    if replacement is None:
        return ""
    amount = words.money(replacement.total_minor, currency)
    return words.say("page.replaced_note", amount=amount, date=words.short_date(replacement.due_date))


def _street_and_place(document: InvoiceDocument) -> list[str]:
    address = document.seller.address
    place = clean(f"{address.postal_code} {address.city}")
    return [line for line in (clean(address.line1), place) if line]
