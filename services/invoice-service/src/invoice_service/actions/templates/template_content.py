"""What a template holds and a new draft starts with."""

from contracts.document import Layout
from contracts.event import Fact

from invoice_service.domain.drafting import DraftAllowance, DraftLine


class TemplateContent(Fact):
    """An empty ``currency`` means the customer's or the organisation's; None for terms means the organisation's."""

    title: str = ""
    currency: str = ""
    layout: Layout = Layout.MODERN
    lines: tuple[DraftLine, ...] = ()
    allowances: tuple[DraftAllowance, ...] = ()
    notes: str = ""
    terms: str = ""
    message: str = ""
    payment_terms_days: int | None = None
