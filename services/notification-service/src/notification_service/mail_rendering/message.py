"""The finished mail as bytes: the same picture, files, date and ids give the same bytes on every try.

Both parts are quoted-printable, in which the boundaries used here cannot occur.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP
from email.utils import format_datetime
from uuid import UUID

from contracts.ids import format_id

from notification_service.mail_rendering.headers import address_list, address_value, header_block, text_value
from notification_service.mail_rendering.html_part import HtmlWriter
from notification_service.mail_rendering.picture import MailPicture
from notification_service.mail_rendering.plain import one_line
from notification_service.mail_rendering.text_part import plain_text

_POLICY = SMTP.clone(cte_type="7bit")
_FILENAME_LENGTH_MAX = 120


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
    """Raises `headers.ForgedHeader`, which nothing that a person can type should bring about."""
    message = EmailMessage(policy=_POLICY)
    message.set_content(plain_text(picture), cte="quoted-printable")
    message.add_alternative(html_writer.html(picture), subtype="html", cte="quoted-printable")
    for file in files:
        maintype, _, subtype = file.media_type.partition("/")
        message.add_attachment(file.content, maintype=maintype, subtype=subtype, filename=_filename(file.filename))
    _set_boundaries(message, heading.mail_id)
    return header_block(_headers(heading, picture)) + message.as_bytes()


def _headers(heading: Heading, picture: MailPicture) -> list[tuple[str, str]]:
    sender = picture.words.from_name.format(sender=picture.sender)
    headers = [
        ("From", address_value(sender, heading.mail_from, name="From")),
        ("To", address_list(heading.to)),
        ("Cc", address_list(heading.cc)),
        ("Reply-To", address_value(picture.sender, heading.reply_to, name="Reply-To") if heading.reply_to else ""),
        ("Subject", text_value(picture.subject, name="Subject")),
        ("Date", format_datetime(heading.dated_at)),
        ("Message-ID", heading.message_id),
        ("Content-Language", picture.words.language),
        # RFC 3834: automatic answers such as holiday notices should not come back.
        ("Auto-Submitted", "auto-generated"),
    ]
    return [(name, value) for name, value in headers if value]


def _filename(name: str) -> str:
    """A name that no system takes for a path. An encoded word in it would be decoded by the standard library."""
    plain = one_line(name, length_max=_FILENAME_LENGTH_MAX).replace("=?", "= ?")
    return plain.replace("/", "-").replace("\\", "-").replace('"', "'").lstrip(". ") or "invoice.pdf"


def _set_boundaries(message: EmailMessage, mail_id: UUID) -> None:
    multiparts = [part for part in message.walk() if part.is_multipart()]
    for place, part in enumerate(multiparts):
        part.set_boundary(f"=_{mail_id.hex}_{place}")
