"""The finished mail as bytes: the same picture, files, date and ids give the same bytes on every try.

Header values are single lines before they get here, addresses are plain ones, and both parts are quoted-printable,
in which the boundaries used here cannot occur.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.headerregistry import Address
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from uuid import UUID

from contracts.ids import format_id

from notification_service.mail_rendering.html_part import HtmlWriter
from notification_service.mail_rendering.picture import MailPicture
from notification_service.mail_rendering.plain import one_line
from notification_service.mail_rendering.text_part import plain_text

_POLICY = SMTP.clone(cte_type="7bit")


@dataclass(frozen=True)
class AttachedFile:
    filename: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Heading:
    """``to``, ``cc``, ``reply_to`` and ``mail_from`` are addresses that `domain.addresses` let through."""

    mail_id: UUID
    message_id: str
    dated_at: datetime
    mail_from: str
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    reply_to: str = ""


def message_id_of(mail_id: UUID, *, domain: str) -> str:
    return f"<{format_id('mail', mail_id)}@{domain}>"


def message_bytes(
    *, heading: Heading, picture: MailPicture, files: Sequence[AttachedFile], html_writer: HtmlWriter
) -> bytes:
    message = EmailMessage(policy=_POLICY)
    _set_headers(message, heading, picture)
    message.set_content(plain_text(picture), cte="quoted-printable")
    message.add_alternative(html_writer.html(picture), subtype="html", cte="quoted-printable")
    for file in files:
        maintype, _, subtype = file.media_type.partition("/")
        message.add_attachment(file.content, maintype=maintype, subtype=subtype, filename=_filename(file.filename))
    _set_boundaries(message, heading.mail_id)
    return message.as_bytes()


def _set_headers(message: EmailMessage, heading: Heading, picture: MailPicture) -> None:
    name = picture.words.from_name.format(sender=picture.sender)
    message["From"] = _address(name, heading.mail_from)
    message["To"] = [_address("", address) for address in heading.to]
    if heading.cc:
        message["Cc"] = [_address("", address) for address in heading.cc]
    if heading.reply_to:
        message["Reply-To"] = _address(picture.sender, heading.reply_to)
    message["Subject"] = picture.subject
    message["Date"] = format_datetime(heading.dated_at)
    message["Message-ID"] = heading.message_id
    message["Content-Language"] = picture.words.language
    # RFC 3834: automatic answers such as holiday notices should not come back.
    message["Auto-Submitted"] = "auto-generated"


def _address(name: str, address: str) -> Address:
    return Address(display_name=name, addr_spec=address)


def _filename(name: str) -> str:
    plain = one_line(name).replace("/", "-").replace("\\", "-").replace('"', "'")
    return plain.lstrip(".") or "invoice.pdf"


def _set_boundaries(message: EmailMessage, mail_id: UUID) -> None:
    multiparts = [part for part in message.walk() if part.is_multipart()]
    for place, part in enumerate(multiparts):
        part.set_boundary(f"=_{mail_id.hex}_{place}")
