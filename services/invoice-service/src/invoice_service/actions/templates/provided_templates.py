"""The templates that every organisation starts with: five usual kinds of bill, ready to be adapted."""

from dataclasses import dataclass
from decimal import Decimal

from contracts.document import Layout, Tax, TaxCategory

from invoice_service.actions.templates.template_content import TemplateContent
from invoice_service.domain.drafting import DraftAllowance, DraftLine

_VAT_19 = Tax(category=TaxCategory.STANDARD, rate=Decimal(19), name="VAT")
_VAT_7 = Tax(category=TaxCategory.STANDARD, rate=Decimal(7), name="VAT reduced")
_REVERSE_CHARGE = Tax(category=TaxCategory.REVERSE_CHARGE, rate=Decimal(0), name="Reverse charge")
_NO_TAX = Tax(category=TaxCategory.OUTSIDE_SCOPE, rate=Decimal(0), name="No sales tax")


@dataclass(frozen=True)
class ProvidedTemplate:
    slug: str
    name: str
    description: str
    content: TemplateContent


def _line(
    description: str,
    details: str,
    quantity: str,
    unit: str,
    unit_price: str,
    tax: Tax,
    *,
    discount_percent: str = "0",
) -> DraftLine:
    return DraftLine(
        description=description,
        details=details,
        quantity=Decimal(quantity),
        unit=unit,
        unit_price=Decimal(unit_price),
        discount_percent=Decimal(discount_percent),
        taxes=(tax,),
    )


CONSULTING = ProvidedTemplate(
    slug="consulting-days",
    name="Consulting by the day",
    description="Days and travel at a day rate, with 19 % VAT.",
    content=TemplateContent(
        title="Consulting",
        layout=Layout.MODERN,
        lines=(
            _line("Consulting", "Workshops, analysis and written findings", "3", "day", "960.00", _VAT_19),
            _line("Preparation", "Interviews and material before the first workshop", "4.5", "hour", "120.00", _VAT_19),
            _line("Travel", "Train, second class, at cost", "1", "trip", "148.60", _VAT_19),
        ),
        notes="Time sheets are available on request.",
        terms="Payable within 14 days without deduction. Services were rendered in the month of the invoice.",
        message="Thank you for working with us. Please find the invoice for the agreed consulting days attached.",
        payment_terms_days=14,
    ),
)

PROJECT = ProvidedTemplate(
    slug="project-milestone",
    name="Project milestone at a fixed price",
    description="Design and build at a fixed price with a discount for the whole project, and 19 % VAT.",
    content=TemplateContent(
        title="Website relaunch, milestone 1",
        layout=Layout.CLASSIC,
        lines=(
            _line("Concept and structure", "Site map, page types, content plan", "1", "piece", "2400.00", _VAT_19),
            _line("Design", "Three page types, two rounds of corrections", "1", "piece", "3800.00", _VAT_19),
            _line(
                "Additional page types",
                "Product page and contact form",
                "2",
                "piece",
                "450.00",
                _VAT_19,
                discount_percent="10",
            ),
        ),
        allowances=(DraftAllowance(reason="Project discount", percent=Decimal(5)),),
        notes="The rights of use pass on with payment in full.",
        terms="This milestone was accepted in writing. Payable within 30 days.",
        message="The first milestone is done and accepted; its invoice is attached. We look forward to the next one.",
        payment_terms_days=30,
    ),
)

RETAINER = ProvidedTemplate(
    slug="monthly-retainer",
    name="Monthly retainer, reverse charge",
    description="A fixed monthly fee for a business customer in another EU country, who owes the VAT.",
    content=TemplateContent(
        title="Support and maintenance",
        currency="EUR",
        layout=Layout.MODERN,
        lines=(
            _line("Support retainer", "Up to 10 hours, answered within one working day", "1", "month", "1200.00",
                  _REVERSE_CHARGE),
            _line("Hosting and monitoring", "Two servers, daily backups, updates", "1", "month", "189.00",
                  _REVERSE_CHARGE),
        ),
        notes="Reverse charge: VAT is due by the recipient of the service (Art. 196, Directive 2006/112/EC).",
        terms="Due at the beginning of the month. Either side may end the agreement with four weeks' notice.",
        message="Attached is the invoice for this month's support and hosting.",
        payment_terms_days=10,
    ),
)  # fmt: skip

GOODS = ProvidedTemplate(
    slug="goods-and-shipping",
    name="Goods with shipping",
    description="Items with the normal and the reduced rate of VAT, packing and shipping.",
    content=TemplateContent(
        title="Your order",
        layout=Layout.COMPACT,
        lines=(
            _line("Desk lamp, oak", "Article 4411, dimmable", "2", "piece", "79.90", _VAT_19),
            _line("Notebook, A5, dotted", "Article 2307, pack of five", "3", "pack", "24.50", _VAT_19),
            _line("Handbook of lighting", "Printed book, reduced rate", "1", "piece", "34.00", _VAT_7),
            _line("Packing and shipping", "Parcel service, insured", "1", "parcel", "6.90", _VAT_19),
        ),
        notes="Goods remain ours until they are paid in full.",
        terms="Payable within 7 days. Returns within 30 days in the original packing.",
        message="Thank you for your order. Your parcel is on its way; the invoice is attached.",
        payment_terms_days=7,
    ),
)

SERVICES_US = ProvidedTemplate(
    slug="services-usd",
    name="Services in US dollars, no tax",
    description="Hourly services in US dollars where no sales tax applies.",
    content=TemplateContent(
        title="Professional services",
        currency="USD",
        layout=Layout.MODERN,
        lines=(
            _line("Software development", "Feature work as agreed for this period", "24", "hour", "135.00", _NO_TAX),
            _line("Code review", "Reviews and pairing with your team", "6", "hour", "110.00", _NO_TAX),
        ),
        notes="No sales tax applies to these services.",
        terms="Net 30. Please include the invoice number with your payment.",
        message="Please find attached the invoice for this period. Thank you for your business.",
        payment_terms_days=30,
    ),
)

PROVIDED_TEMPLATES = (CONSULTING, PROJECT, RETAINER, GOODS, SERVICES_US)
