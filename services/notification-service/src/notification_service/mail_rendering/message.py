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
from notification_service.mail_rendering.plain import one_line

_POLICY = SMTP.clone(cte_type="7bit")
_FILENAME_LENGTH_MAX = 120


@dataclass(frozen=True)
class AttachedFile:
    filename: str
    media_type: str
    content: bytes


@dataclass(frozen=True)
class Heading:
    """``to``, ``cc``, ``reply_to`` and ``mail_from`` are addresses that `domain.addresses` let through.

    ``from_name``, ``reply_name`` and ``subject`` are one line each, of whatever a person typed.
    """

    mail_id: UUID
    message_id: str
    dated_at: datetime
    mail_from: str
    from_name: str
    subject: str
    language: str
    to: tuple[str, ...]
    cc: tuple[str, ...] = ()
    reply_to: str = ""
    reply_name: str = ""


def message_id_of(mail_id: UUID, *, domain: str) -> str:
    return f"<{format_id('mail', mail_id)}@{domain}>"


def message_bytes(*, heading: Heading, text: str, html: str, files: Sequence[AttachedFile] = ()) -> bytes:
    """Raises `headers.ForgedHeader`, which nothing that a person can type should bring about."""
    message = EmailMessage(policy=_POLICY)
    message.set_content(text, cte="quoted-printable")
    message.add_alternative(html, subtype="html", cte="quoted-printable")
    for file in files:
        maintype, _, subtype = file.media_type.partition("/")
        message.add_attachment(file.content, maintype=maintype, subtype=subtype, filename=_filename(file.filename))
    _set_boundaries(message, heading.mail_id)
    return header_block(_headers(heading)) + message.as_bytes()


def _headers(heading: Heading) -> list[tuple[str, str]]:
    headers = [
        ("From", address_value(heading.from_name, heading.mail_from, name="From")),
        ("To", address_list(heading.to)),
        ("Cc", address_list(heading.cc)),
        ("Reply-To", address_value(heading.reply_name, heading.reply_to, name="Reply-To") if heading.reply_to else ""),
        ("Subject", text_value(heading.subject, name="Subject")),
        ("Date", format_datetime(heading.dated_at)),
        ("Message-ID", heading.message_id),
        ("Content-Language", heading.language),
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
