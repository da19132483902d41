"""The method of an invoice changed: mails of it that have not gone out yet follow, and the first one may now go.

The newest change counts, by its version; an older one that comes late still brings its mail, which the newest shapes.
"""

from uuid import UUID

from contracts.events.invoice import InvoiceCollectionChanged, MailKind
from service_kit.database import app_now
from service_kit.log_setup import get_logger
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service import queries
from notification_service.actions.plan_mail import apply_change, plan_mail
from notification_service.actions.settle_mail import drop_mail, settle_mail
from notification_service.domain.delivery import MailState
from notification_service.mail_content import MailContent, content_of_change
from notification_service.tables import InvoiceFacts, MailRow


async def note_collection_change(
    session: AsyncSession, *, event: InvoiceCollectionChanged, sequence: int, message_id_domain: str
) -> None:
    """Safe to repeat, in any order with other events."""
    facts = await queries.lock_invoice(session, organization_id=event.organization_id, invoice_id=event.invoice_id)
    _keep_newest(facts, event, sequence=sequence)
    await session.flush()
    if event.mail is not None:
        known = await queries.lock_mail(session, organization_id=event.organization_id, mail_id=event.mail.mail_id)
        due = MailContent.model_validate(known.content).amount_due_minor if known is not None else None
        await plan_mail(
            session,
            organization_id=event.organization_id,
            invoice_id=event.invoice_id,
            content=content_of_change(event, mail=event.mail, amount_due_minor=due),
            asked_at=sequence,
            message_id_domain=message_id_domain,
        )
    await _follow(session, facts, newest_mail=event.mail.mail_id if event.mail else None, sequence=sequence)


def _keep_newest(facts: InvoiceFacts, event: InvoiceCollectionChanged, *, sequence: int) -> None:
    if facts.change_version is not None and facts.change_version >= event.collection_version:
        get_logger().info("collection_change_overtaken", invoice_id=str(event.invoice_id))
        return
    facts.change_version = event.collection_version
    facts.change_sequence = sequence
    facts.change = event.model_dump(mode="json")


async def _follow(session: AsyncSession, facts: InvoiceFacts, *, newest_mail: UUID | None, sequence: int) -> None:
    now = await app_now(session)
    mails = await queries.lock_mails_of_invoice(
        session, organization_id=facts.organization_id, invoice_id=facts.invoice_id
    )
    for mail in mails:
        if newest_mail is not None and _is_overtaken(mail, newest_mail=newest_mail, sequence=sequence):
            await drop_mail(session, mail, reason="not sent: another mail took its place", now=now)
        else:
            apply_change(mail, facts)
            await settle_mail(session, mail, facts, now=now)


def _is_overtaken(mail: MailRow, *, newest_mail: UUID, sequence: int) -> bool:
    is_unsent_first_mail = mail.kind is MailKind.INVOICE and mail.state in (MailState.WAITING, MailState.QUEUED)
    return is_unsent_first_mail and mail.mail_id != newest_mail and mail.asked_at < sequence
