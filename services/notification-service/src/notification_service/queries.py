"""Every SELECT and every lock of this service, by name. Row security confines each to the organisation that is set."""

from collections.abc import Sequence
from uuid import UUID

from service_kit.database import run_sql
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service.domain.link_join import KnownLink
from notification_service.tables import DeliveryRow, InvoiceFacts, MailRow, PaymentLink


async def lock_invoice(session: AsyncSession, *, organization_id: UUID, invoice_id: UUID) -> InvoiceFacts:
    """The row of this invoice, made if need be, locked until the transaction ends: decisions about it take turns."""
    values = {"organization_id": organization_id, "invoice_id": invoice_id, "voided": False}
    await run_sql(session, insert(InvoiceFacts).values(**values).on_conflict_do_nothing())
    found = await session.exec(
        select(InvoiceFacts)
        .where(InvoiceFacts.organization_id == organization_id, InvoiceFacts.invoice_id == invoice_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one()


async def invoice_of_mail(session: AsyncSession, *, organization_id: UUID, mail_id: UUID) -> UUID | None:
    """Read without a lock: the invoice of a mail never changes. None as well for a mail that does not exist."""
    found = await session.exec(
        select(MailRow.invoice_id).where(MailRow.organization_id == organization_id, MailRow.mail_id == mail_id)
    )
    return found.one_or_none()


async def lock_mail(session: AsyncSession, *, organization_id: UUID, mail_id: UUID) -> MailRow | None:
    found = await session.exec(
        select(MailRow)
        .where(MailRow.organization_id == organization_id, MailRow.mail_id == mail_id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.one_or_none()


async def lock_mails_of_invoice(session: AsyncSession, *, organization_id: UUID, invoice_id: UUID) -> Sequence[MailRow]:
    """In one order, so that two who lock them cannot wait for each other."""
    found = await session.exec(
        select(MailRow)
        .where(MailRow.organization_id == organization_id, MailRow.invoice_id == invoice_id)
        .order_by(col(MailRow.mail_id))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    return found.all()


async def deliveries_of(session: AsyncSession, *, organization_id: UUID, mail_id: UUID) -> Sequence[DeliveryRow]:
    """In the order of the mail's To and Cc; whoever changes them holds the mail's lock."""
    found = await session.exec(
        select(DeliveryRow)
        .where(DeliveryRow.organization_id == organization_id, DeliveryRow.mail_id == mail_id)
        .order_by(col(DeliveryRow.position))
        .execution_options(populate_existing=True)
    )
    return found.all()


async def links_of(session: AsyncSession, *, organization_id: UUID, invoice_id: UUID) -> list[KnownLink]:
    found = await session.exec(
        select(PaymentLink).where(PaymentLink.organization_id == organization_id, PaymentLink.invoice_id == invoice_id)
    )
    return [
        KnownLink(attempt=row.attempt, url=row.url, sandbox=row.sandbox, amount_minor=row.amount_minor)
        for row in found.all()
    ]


async def note_link(session: AsyncSession, *, row: PaymentLink) -> bool:
    """False when this attempt was known already."""
    result = await run_sql(session, insert(PaymentLink).values(**row.model_dump()).on_conflict_do_nothing())
    return result.rowcount == 1
