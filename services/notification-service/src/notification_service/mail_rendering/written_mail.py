"""From what a mail says to the bytes that go out: the picture, both parts, the headers and the attachments."""

from collections.abc import Iterable, Sequence
from contextlib import suppress
from datetime import datetime

from contracts.events.accounts import AccountMailRequested
from contracts.events.invoice import DocumentFile

from notification_service.account_secrets_gateway import AccountSecret
from notification_service.domain.addresses import UnusableAddress, distinct, usable_address
from notification_service.domain.link_join import KnownLink
from notification_service.mail_content import MailContent
from notification_service.mail_rendering.account_picture import account_picture
from notification_service.mail_rendering.account_text import account_text
from notification_service.mail_rendering.account_words import PRODUCT
from notification_service.mail_rendering.html_part import HtmlWriter
from notification_service.mail_rendering.message import AttachedFile, Heading, message_bytes
from notification_service.mail_rendering.picture import picture
from notification_service.mail_rendering.text_part import plain_text


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
    shown = picture(content, link=link)
    heading = Heading(
        mail_id=content.mail.mail_id,
        message_id=message_id,
        dated_at=dated_at,
        mail_from=mail_from,
        from_name=shown.words.from_name.format(sender=shown.sender),
        subject=shown.subject,
        language=shown.words.language,
        to=_usable(content.mail.to),
        cc=_usable(content.mail.cc),
        reply_to=next(iter(_usable([content.mail.reply_to])), ""),
        reply_name=shown.sender,
    )
    attached = [AttachedFile(file.filename, file.media_type, payload) for file, payload in files]
    return message_bytes(heading=heading, text=plain_text(shown), html=html_writer.html(shown), files=attached)


def written_account_mail(
    asked: AccountMailRequested,
    *,
    secret: AccountSecret | None,
    message_id: str,
    dated_at: datetime,
    mail_from: str,
    html_writer: HtmlWriter,
) -> bytes:
    """The same arguments give the same bytes; each try has another ``secret``, which is None for a mere notice.

    It comes from the product and not from an organisation, and nobody reads answers to it.
    """
    shown = account_picture(asked, secret=secret, asked_at=dated_at)
    heading = Heading(
        mail_id=asked.mail_id,
        message_id=message_id,
        dated_at=dated_at,
        mail_from=mail_from,
        from_name=PRODUCT,
        subject=shown.subject,
        language=shown.words.language,
        to=_usable([asked.to]),
    )
    return message_bytes(heading=heading, text=account_text(shown), html=html_writer.account_html(shown))


def smtp_addresses(recipients: Iterable[str]) -> dict[str, str]:
    """Each recipient's address as the mail server is told it. Raises `UnusableAddress`."""
    return {recipient: usable_address(recipient) for recipient in recipients}


def _usable(addresses: Iterable[str]) -> tuple[str, ...]:
    found: list[str] = []
    for address in addresses:
        with suppress(UnusableAddress):
            found.append(usable_address(address))
    return distinct(found)
