"""Covers a debt that opened again with the money that waits at the invoice, so that nobody is asked for it twice."""

from service_kit.database import app_now
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.payments.post_entry import EntryFacts, post_entry
from invoice_service.domain.receivables import post_surplus
from invoice_service.domain.statuses import DocumentStatus, EntryKind
from invoice_service.tables.invoices import Invoice
from invoice_service.tables.ledger import InvoiceBalance


async def apply_surplus(
    session: AsyncSession, *, invoice: Invoice, balance: InvoiceBalance, due_before_minor: int, actor: str
) -> None:
    """After a posting that raised what is due, and before `follow_balance`; ``invoice`` and ``balance`` are locked.

    All suspense in the invoice's own currency counts. It stays where it is when the debt did not grow, or when the
    invoice is not issued and asks for nothing.
    """
    if balance.due_minor <= due_before_minor or invoice.document_status is not DocumentStatus.ISSUED:
        return
    posting = post_surplus(waiting_minor=balance.suspense_minor, due_minor=balance.due_minor)
    if posting is None:
        return
    facts = EntryFacts(kind=EntryKind.APPLY, currency=balance.currency, occurred_at=await app_now(session), actor=actor)
    await post_entry(session, invoice=invoice, balance=balance, posting=posting, facts=facts)
