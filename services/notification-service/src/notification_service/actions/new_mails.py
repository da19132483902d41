"""Store a new intent to mail with its recipients; an address that no mail server takes is refused here and at once."""

from collections.abc import Sequence
from datetime import datetime

from service_kit.errors import DomainError, ErrorKind
from sqlmodel.ext.asyncio.session import AsyncSession

from notification_service.actions.delivery_rows import announce, as_delivery, write_changes
from notification_service.actions.mail_news import Change
from notification_service.domain.addresses import UnusableAddress, distinct, usable_address
from notification_service.domain.delivery import DeliveryState, MailState, mail_state, refuse
from notification_service.tables import DeliveryRow, MailRow


class MailWithoutRecipient(DomainError):
    slug = "mail-without-recipient"
    kind = ErrorKind.INVALID
    title = "The mail has no recipient"


async def insert_mail(session: AsyncSession, mail: MailRow, *, recipients: Sequence[str], now: datetime) -> None:
    """Leaves it waiting, or failed when nobody is left. Raises `MailWithoutRecipient`."""
    rows = [
        DeliveryRow(
            organization_id=mail.organization_id,
            mail_id=mail.mail_id,
            recipient=recipient,
            position=position,
            state=DeliveryState.QUEUED,
            updated_at=now,
        )
        for position, recipient in enumerate(distinct(recipients))
    ]
    if not rows:
        raise MailWithoutRecipient(f"mail {mail.mail_id} names nobody to send it to")
    session.add(mail)
    await session.flush()
    changes = [change for row in rows if (change := _refusal(row)) is not None]
    session.add_all(rows)
    write_changes(mail, rows, (change.after for change in changes), now=now)
    if mail_state({row.state for row in rows}) is MailState.QUEUED:
        mail.state = MailState.WAITING
    await announce(session, mail, changes, now=now)


def _refusal(row: DeliveryRow) -> Change | None:
    before = as_delivery(row)
    try:
        usable_address(row.recipient)
    except UnusableAddress as problem:
        return Change(before, refuse(before, reason=str(problem)))
    return None
