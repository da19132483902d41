"""Finding invoices and customers by the beginnings of words.

Row security keeps an index only for operators that leak nothing, so words are rows, and a prefix is a range of them.
"""

from collections.abc import Iterable
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.search_words import words_of
from invoice_service.tables.customers import Customer, CustomerSearchToken
from invoice_service.tables.invoices import Invoice, InvoiceSearchToken

_AFTER_EVERY_CHARACTER = "\U0010ffff"


def customers_that_match(organization_id: UUID, word: str) -> sa.Select[UUID]:
    """Ids of the customers that have a word beginning with ``word``."""
    return sa.select(col(CustomerSearchToken.customer_id)).where(
        col(CustomerSearchToken.organization_id) == organization_id,
        col(CustomerSearchToken.token) >= word,
        col(CustomerSearchToken.token) < word + _AFTER_EVERY_CHARACTER,
    )


def invoices_that_match(organization_id: UUID, word: str) -> sa.CompoundSelect[tuple[UUID]]:
    """Ids of the invoices that have such a word themselves or through their customer's name."""
    own = sa.select(col(InvoiceSearchToken.invoice_id)).where(
        col(InvoiceSearchToken.organization_id) == organization_id,
        col(InvoiceSearchToken.token) >= word,
        col(InvoiceSearchToken.token) < word + _AFTER_EVERY_CHARACTER,
    )
    by_customer = sa.select(col(Invoice.id)).where(
        col(Invoice.organization_id) == organization_id,
        col(Invoice.customer_id).in_(customers_that_match(organization_id, word)),
    )
    return sa.union(own, by_customer)


async def index_invoice(session: AsyncSession, *, invoice: Invoice) -> None:
    """Make an invoice findable as it is now; to be called whenever number, title or purchase order change."""
    wanted = words_of((invoice.number or "", invoice.title, invoice.purchase_order))
    own = (col(InvoiceSearchToken.organization_id) == invoice.organization_id) & (
        col(InvoiceSearchToken.invoice_id) == invoice.id
    )
    known = frozenset((await session.exec(select(InvoiceSearchToken.token).where(own))).all())
    await _remove(session, InvoiceSearchToken, own, known - wanted)
    session.add_all(
        InvoiceSearchToken(organization_id=invoice.organization_id, token=token, invoice_id=invoice.id)
        for token in sorted(wanted - known)
    )


async def index_customer(session: AsyncSession, *, customer: Customer) -> None:
    """Make a customer findable as it is now; to be called whenever a name or the address for mail changes."""
    wanted = words_of((customer.name, customer.legal_name, customer.contact_name, customer.email))
    own = (col(CustomerSearchToken.organization_id) == customer.organization_id) & (
        col(CustomerSearchToken.customer_id) == customer.id
    )
    known = frozenset((await session.exec(select(CustomerSearchToken.token).where(own))).all())
    await _remove(session, CustomerSearchToken, own, known - wanted)
    session.add_all(
        CustomerSearchToken(organization_id=customer.organization_id, token=token, customer_id=customer.id)
        for token in sorted(wanted - known)
    )


async def _remove(
    session: AsyncSession,
    table: type[InvoiceSearchToken] | type[CustomerSearchToken],
    own: sa.ColumnElement[bool],
    tokens: Iterable[str],
) -> None:
    gone = sorted(tokens)
    if gone:
        await session.exec(sa.delete(table).where(own, col(table.token).in_(gone)))
