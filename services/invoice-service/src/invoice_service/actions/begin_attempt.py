"""Allocates the next attempt to collect an invoice by link, for whoever orders it in the same transaction."""

from invoice_service.domain.statuses import LinkStatus
from invoice_service.tables.invoices import Invoice


def begin_attempt(invoice: Invoice) -> None:
    """``invoice`` is locked. No other place raises the attempt."""
    invoice.link_attempt += 1
    invoice.link_status = LinkStatus.CREATING
    invoice.link_url = ""
    invoice.link_failure_code = invoice.link_failure_message = ""
