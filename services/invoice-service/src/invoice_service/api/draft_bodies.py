"""Lines, deductions and drafts as requests say them, and as they are shown again."""

from collections.abc import Sequence
from datetime import date
from decimal import Decimal
from typing import Annotated, Any
from uuid import UUID

from contracts.document import Layout, Tax, TaxCategory
from contracts.events.invoice import CollectionMethod
from contracts.ids import CustomerId, TemplateId
from pydantic import BaseModel, Field

from invoice_service.api.request_fields import (
    Currency,
    ExactDecimal,
    FilledText,
    Language,
    Line,
    LongText,
    Metadata,
    Request,
    ShortText,
    Whole,
    given,
)
from invoice_service.domain.draft_limits import DESCRIPTION_MAX, LINES_MAX, TAXES_MAX, UNIT_MAX
from invoice_service.domain.drafting import DraftAllowance, DraftLine

ALLOWANCES_MAX = 10
Days = Annotated[int, Field(ge=0, le=365), Whole]
Text = Annotated[LongText, Field(max_length=4000)]


class TaxBody(Request):
    category: TaxCategory
    rate: ExactDecimal = Decimal(0)
    """In percent."""
    name: Annotated[ShortText, Field(max_length=100)] = ""


class LineBody(Request):
    description: Annotated[str, Field(max_length=DESCRIPTION_MAX), Line]
    details: Text = ""
    quantity: ExactDecimal = Decimal(1)
    unit: Annotated[ShortText, Field(max_length=UNIT_MAX)] = ""
    unit_price: ExactDecimal
    """In major units without tax: `"12.50"`."""
    discount_percent: ExactDecimal = Decimal(0)
    taxes: Annotated[tuple[TaxBody, ...], Field(max_length=TAXES_MAX)] = ()


class AllowanceBody(Request):
    """A deduction from the whole document: a share in percent, or an amount without tax in minor units."""

    reason: FilledText
    percent: ExactDecimal | None = None
    amount_minor: Annotated[int, Whole] | None = None


# As a list: a tuple of pydantic adds "at least 1 item" to the true reason when its only line is refused.
Lines = Annotated[list[LineBody], Field(min_length=1, max_length=LINES_MAX)]
Allowances = Annotated[tuple[AllowanceBody, ...], Field(max_length=ALLOWANCES_MAX)]


def _nobody() -> UUID:
    """Stands in a change that does not name a customer; only fields that were sent are read."""
    return UUID(int=0)


class DraftChange(Request):
    """Only the fields that are sent are changed; lines and allowances are replaced as a whole."""

    customer_id: CustomerId = Field(default_factory=_nobody)
    title: ShortText = ""
    currency: Currency = ""
    language: Annotated[Language, Field(min_length=2)] = "en"
    layout: Layout = Layout.MODERN
    due_date: date | None = None
    """Instead of counting the payment terms from the day of issue."""
    payment_terms_days: Days = 14
    purchase_order: ShortText = ""
    lines: Lines = []
    allowances: Allowances = ()
    notes: Text = ""
    terms: Text = ""
    message: Text = ""
    metadata: Metadata = Field(default_factory=dict)
    collection_method: CollectionMethod = CollectionMethod.MANUAL


class NewDraft(DraftChange):
    """With `template_id` the draft starts as a copy of the template; fields that are sent as well win over it."""

    customer_id: CustomerId
    template_id: TemplateId | None = None


class TaxView(BaseModel):
    category: TaxCategory
    rate: Decimal
    name: str


class LineView(BaseModel):
    """`net_amount_minor` is None in a template, which has no currency of its own."""

    description: str
    details: str
    quantity: Decimal
    unit: str
    unit_price: Decimal
    discount_percent: Decimal
    taxes: list[TaxView]
    net_amount_minor: int | None = None


class AllowanceView(BaseModel):
    reason: str
    percent: Decimal | None
    amount_minor: int | None


def drafted(body: BaseModel) -> dict[str, Any]:
    """The fields that were sent, with lines and allowances as the rules understand them."""
    fields = given(body)
    if "lines" in fields:
        fields["lines"] = draft_lines(fields["lines"])
    if "allowances" in fields:
        fields["allowances"] = draft_allowances(fields["allowances"])
    return fields


def draft_lines(bodies: Sequence[LineBody]) -> tuple[DraftLine, ...]:
    return tuple(
        DraftLine(
            description=body.description,
            details=body.details,
            quantity=body.quantity,
            unit=body.unit,
            unit_price=body.unit_price,
            discount_percent=body.discount_percent,
            taxes=tuple(Tax(category=tax.category, rate=tax.rate, name=tax.name) for tax in body.taxes),
        )
        for body in bodies
    )


def draft_allowances(bodies: Sequence[AllowanceBody]) -> tuple[DraftAllowance, ...]:
    return tuple(
        DraftAllowance(reason=body.reason, percent=body.percent, amount_minor=body.amount_minor) for body in bodies
    )


def line_view(line: DraftLine, *, net_amount_minor: int | None = None) -> LineView:
    return LineView.model_validate({**line.model_dump(), "net_amount_minor": net_amount_minor})


def allowance_view(allowance: DraftAllowance) -> AllowanceView:
    return AllowanceView.model_validate(allowance.model_dump())
