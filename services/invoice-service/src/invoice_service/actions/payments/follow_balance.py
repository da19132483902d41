"""What a changed balance means for others: the payment link asks for exactly what is due, or for nothing any more.

Called once in each transaction that posted to an issued invoice, with what was due before.
"""

from contracts.events.invoice import InvoiceBalanceChanged, InvoicePaid, LinkOrder
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.announce import announce
from invoice_service.actions.begin_attempt import begin_attempt
from invoice_service.actions.outgoing import collects_by_stripe, link_order, number_of
from invoice_service.domain.lifecycle import closing_link
from invoice_service.domain.page_token import PageAddresses
from invoice_service.domain.statuses import DocumentStatus, LinkStatus
from invoice_service.tables.invoices import Invoice
from invoice_service.tables.ledger import InvoiceBalance


async def follow_balance(
    session: AsyncSession, *, invoice: Invoice, balance: InvoiceBalance, due_before_minor: int, pages: PageAddresses
) -> None:
    """Say *paid* when the balance reached zero, and close or replace the link when it changed at all."""
    if balance.due_minor == due_before_minor:
        return
    if balance.due_minor == 0:
        await announce(
            session,
            InvoicePaid(
                organization_id=invoice.organization_id,
                invoice_id=invoice.id,
                number=number_of(invoice),
                paid_minor=balance.applied_minor,
                currency=invoice.currency,
            ),
        )
    if _has_a_link_to_follow(invoice):
        link = replace_link(invoice, due_minor=balance.due_minor, pages=pages)
        await announce(
            session,
            InvoiceBalanceChanged(
                organization_id=invoice.organization_id,
                invoice_id=invoice.id,
                amount_due_minor=balance.due_minor,
                currency=invoice.currency,
                attempt=invoice.link_attempt,
                link=link,
            ),
        )


def replace_link(invoice: Invoice, *, due_minor: int, pages: PageAddresses) -> LinkOrder | None:
    """Begin the next attempt over ``due_minor``, or let the present link end where nothing is due."""
    invoice.link_url = ""
    if due_minor == 0:
        invoice.link_status = closing_link(invoice.link_status)
        return None
    begin_attempt(invoice)
    return link_order(invoice=invoice, amount_minor=due_minor, pages=pages)


def _has_a_link_to_follow(invoice: Invoice) -> bool:
    """A link that failed waits for a person, who asks for the next one or for none."""
    return (
        collects_by_stripe(invoice)
        and invoice.document_status is DocumentStatus.ISSUED
        and invoice.link_status not in (LinkStatus.NONE, LinkStatus.FAILED)
    )
