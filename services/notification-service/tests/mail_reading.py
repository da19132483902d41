"""Writing a mail as the service does, and reading it as a mail program would."""

import email
from email import policy
from email.header import decode_header, make_header
from email.message import EmailMessage
from html.parser import HTMLParser

from notification_service.domain.link_join import KnownLink
from notification_service.mail_content import MailContent
from notification_service.mail_rendering.html_part import HtmlWriter
from notification_service.mail_rendering.written_mail import written_mail
from notification_tests import make

WRITER = HtmlWriter()
MESSAGE_ID = "<mail_x@central.example>"
HEADERS = [
    "From",
    "To",
    "Reply-To",
    "Subject",
    "Date",
    "Message-ID",
    "Content-Language",
    "Auto-Submitted",
    "MIME-Version",
    "Content-Type",
]


def written(content: MailContent, *, link: KnownLink | None = None) -> bytes:
    return written_mail(
        content,
        link=link,
        files=[(file, make.PDF) for file in content.files],
        message_id=MESSAGE_ID,
        dated_at=make.NOON,
        mail_from="invoices@central.example",
        html_writer=WRITER,
    )


def parsed(raw: bytes) -> EmailMessage:
    message = email.message_from_bytes(raw, policy=policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    return message


def body(message: EmailMessage, kind: str) -> str:
    part = message.get_body((kind,))
    assert part is not None
    content = part.get_content()
    assert isinstance(content, str)
    return content.replace("\r\n", "\n")


class Seen(HTMLParser):
    """What a reader sees, and which tags and addresses there are."""

    def __init__(self, markup: str) -> None:
        super().__init__(convert_charrefs=True)
        self.text: list[str] = []
        self.tags: list[str] = []
        self.links: list[str] = []
        self._hidden = 0
        self.feed(markup)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self._hidden += tag in ("style", "title")
        self.links += [value or "" for name, value in attrs if name in ("href", "src", "background")]

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in ("style", "title")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.text.append(data)

    @property
    def words(self) -> str:
        return " ".join("".join(self.text).split())


def normal(text: str) -> str:
    """Folding may turn a run of blanks into another."""
    return " ".join(str(text).split())


def unfolded(value: object) -> str:
    return str(value).replace("\r\n", "").replace("\n", "")


def shown(value: object) -> str:
    """A header's value as a mail program shows it."""
    return normal(str(make_header(decode_header(unfolded(value)))))
