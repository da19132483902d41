"""From what a mail says to the bytes that go out: the picture, both parts, the headers and the attachments."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from contracts.events.invoice import DocumentFile

from notification_service.domain.addresses import UnusableAddress, distinct, usable_address
from notification_service.domain.link_join import KnownLink
from notification_service.mail_content import MailContent
from notification_service.mail_rendering.html_part import HtmlWriter
from notification_service.mail_rendering.message import AttachedFile, Heading, message_bytes
from notification_service.mail_rendering.picture import picture


def written_mail(
    content: MailContent,
    *,
    link: KnownLink | None,
    files: Sequence[tuple[DocumentFile, bytes]],
    message_id: str,
    dated_at: datetime,
    mail_from: str,
    html_writer: HtmlWriter,
) -> bytes:
    """The same arguments give the same bytes. Raises what `picture.picture` raises."""
    heading = Heading(
        mail_id=content.mail.mail_id,
        message_id=message_id,
        dated_at=dated_at,
        mail_from=mail_from,
        to=_usable(content.mail.to),
        cc=_usable(content.mail.cc),
        reply_to=next(iter(_usable([content.mail.reply_to])), ""),
    )
    attached = [AttachedFile(file.filename, file.media_type, payload) for file, payload in files]
    return message_bytes(heading=heading, picture=picture(content, link=link), files=attached, html_writer=html_writer)


def smtp_addresses(recipients: Iterable[str]) -> dict[str, str]:
    """Each recipient's address as the mail server is told it. Raises `UnusableAddress`."""
    return {recipient: usable_address(recipient) for recipient in recipients}


def _usable(addresses: Iterable[str]) -> tuple[str, ...]:
    found: list[str] = []
    for address in addresses:
        with suppress(UnusableAddress):
            found.append(usable_address(address))
    return distinct(found)
