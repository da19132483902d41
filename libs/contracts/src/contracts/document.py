"""The frozen document: everything an invoice said when it was issued, complete enough to print, mail or export again.

It is shaped for what comes later (several taxes on a line, prices that include tax, allowances, charges, withholding,
credit notes), so that a reader of version 1 need not change when those arrive. Amounts are integers in minor units
of ``currency``; quantities, unit prices and rates are decimals written as text.
"""

from datetime import date
from decimal import Decimal
from enum import StrEnum
from typing import Literal

from contracts.event import Fact
from contracts.ids import CustomerId
from contracts.money import CurrencyCode


class DocumentType(StrEnum):
    INVOICE = "invoice"
    CREDIT_NOTE = "credit_note"


class Layout(StrEnum):
    MODERN = "modern"
    CLASSIC = "classic"
    COMPACT = "compact"


class TaxCategory(StrEnum):
    """UNCL 5305, as EN 16931 uses it."""

    STANDARD = "S"
    ZERO = "Z"
    EXEMPT = "E"
    REVERSE_CHARGE = "AE"
    INTRA_COMMUNITY = "K"
    EXPORT = "G"
    OUTSIDE_SCOPE = "O"


class Address(Fact):
    line1: str = ""
    line2: str = ""
    postal_code: str = ""
    city: str = ""
    region: str = ""
    country: str = ""
    """ISO 3166-1 alpha-2, or empty."""


class Party(Fact):
    name: str
    legal_name: str = ""
    contact_name: str = ""
    email: str = ""
    phone: str = ""
    address: Address = Address()
    tax_id: str = ""


class BankDetails(Fact):
    account_holder: str = ""
    iban: str = ""
    bic: str = ""
    bank_name: str = ""
    other: str = ""


class Tax(Fact):
    """``rate`` is in percent: ``19`` or ``5.5``."""

    category: TaxCategory
    rate: Decimal
    name: str = ""


class Allowance(Fact):
    """A deduction (or, in ``charges``, an addition) without tax. ``percent`` is set where a share was asked for."""

    reason: str
    percent: Decimal | None = None
    amount_minor: int
    taxes: tuple[Tax, ...] = ()


class DocumentLine(Fact):
    """``net_amount_minor`` is quantity times unit price less the line's allowances plus its charges, rounded once."""

    position: int
    description: str
    details: str = ""
    quantity: Decimal
    unit: str = ""
    unit_price: Decimal
    allowances: tuple[Allowance, ...] = ()
    charges: tuple[Allowance, ...] = ()
    taxes: tuple[Tax, ...] = ()
    net_amount_minor: int


class TaxGroup(Fact):
    """One rate of one category: tax is the rounded product of the group's sum and its rate (EN 16931, BR-CO-17)."""

    category: TaxCategory
    rate: Decimal
    name: str = ""
    taxable_minor: int
    tax_minor: int
    exemption_reason: str = ""


class Withholding(Fact):
    name: str
    rate: Decimal
    amount_minor: int


class Totals(Fact):
    """``net = lines - allowances + charges``; ``gross = net + tax``; ``payable = gross - withheld - prepaid``."""

    lines_minor: int
    allowances_minor: int = 0
    charges_minor: int = 0
    net_minor: int
    tax_minor: int
    gross_minor: int
    withheld_minor: int = 0
    prepaid_minor: int = 0
    payable_minor: int


class InvoiceDocument(Fact):
    schema_version: Literal[1] = 1
    document_type: DocumentType = DocumentType.INVOICE
    number: str
    title: str = ""
    issue_date: date
    due_date: date
    currency: CurrencyCode
    language: str
    layout: Layout
    seller: Party
    buyer: Party
    customer_id: CustomerId
    purchase_order: str = ""
    lines: tuple[DocumentLine, ...]
    prices_include_tax: bool = False
    allowances: tuple[Allowance, ...] = ()
    charges: tuple[Allowance, ...] = ()
    tax_groups: tuple[TaxGroup, ...] = ()
    withholdings: tuple[Withholding, ...] = ()
    totals: Totals
    notes: str = ""
    terms: str = ""
    bank_details: BankDetails | None = None
    replaces_number: str = ""
