"""What must be true of a mail as its reader gets it, looked at from outside: headers, text, HTML and attachments."""

import re
from dataclasses import dataclass
from email.message import EmailMessage

import pypdfium2  # type: ignore[import-untyped]  # it ships no types
import pypdfium2.raw as pdfium  # type: ignore[import-untyped]

from deploy.demo.failures import NotAsItShouldBe

ADDRESS = re.compile(r"https?://[^\s\"'<>()]+")


@dataclass(frozen=True)
class ReadMail:
    """A mail with its PDF's text and every address that the PDF links to or prints.

    ``headers`` are those of the mail and of each of its parts, a line each; ``names`` those of what is attached.
    """

    subject: str
    text: str
    html: str
    pdf_text: str
    pdf_links: tuple[str, ...]
    headers: str = ""
    names: tuple[str, ...] = ()

    def parts(self) -> dict[str, str]:
        """Everything a reader can see or click, by where it stands."""
        return {
            "the subject": self.subject,
            "the text": self.text,
            "the HTML": self.html,
            "the PDF's text": self.pdf_text,
            "the PDF's links": "\n".join(self.pdf_links),
            "the headers": self.headers,
            "the attachments' names": "\n".join(self.names),
        }


def read_mail(message: EmailMessage) -> ReadMail:
    """Raises `NotAsItShouldBe` when text, HTML or PDF is missing."""
    pdf = b"".join(
        part.get_payload(decode=True) or b""  # type: ignore[misc]  # bytes, since the part is no multipart
        for part in message.iter_attachments()
        if part.get_content_type() == "application/pdf"
    )
    text, html = _body(message, "plain"), _body(message, "html")
    if not pdf.startswith(b"%PDF-"):
        raise NotAsItShouldBe(f"the mail {message['subject']!r} has no PDF")
    pdf_text, links = _read_pdf(pdf)
    return ReadMail(
        subject=str(message["subject"]),
        text=text,
        html=html,
        pdf_text=pdf_text,
        pdf_links=links,
        headers="\n".join(f"{name}: {value}" for part in message.walk() for name, value in part.items()),
        names=tuple(name for part in message.walk() if (name := part.get_filename())),
    )


def check_manual_mail(mail: ReadMail, *, stripe_hosts: tuple[str, ...]) -> None:
    """An invoice that is collected by hand shows no address of Stripe, real or sandbox, in any part."""
    for place, content in mail.parts().items():
        for host in (*stripe_hosts, "stripe"):
            if host.lower() in content.lower():
                raise NotAsItShouldBe(f"the manual invoice's mail names {host} in {place}")


def check_stripe_mail(mail: ReadMail, *, link: str, page: str) -> None:
    """The link stands in text and HTML; the PDF leads to the durable page and not to the link."""
    for place, content in (("the text", mail.text), ("the HTML", mail.html.replace("&amp;", "&"))):
        if not any(found.startswith(link) for found in ADDRESS.findall(content)):
            raise NotAsItShouldBe(f"the Stripe invoice's mail has no payment link in {place}")
    if page not in mail.pdf_links:
        raise NotAsItShouldBe(f"the Stripe invoice's PDF does not lead to {page}, only to {mail.pdf_links}")
    if any(link in found for found in (mail.pdf_text, *mail.pdf_links)):
        raise NotAsItShouldBe("the Stripe invoice's PDF carries the payment link, which can change")


def _body(message: EmailMessage, subtype: str) -> str:
    part = message.get_body(preferencelist=(subtype,))
    content = part.get_content() if isinstance(part, EmailMessage) else ""
    if not isinstance(content, str) or not content.strip():
        raise NotAsItShouldBe(f"the mail {message['subject']!r} has no {subtype} part")
    return content


def _read_pdf(pdf: bytes) -> tuple[str, tuple[str, ...]]:
    document = pypdfium2.PdfDocument(pdf)
    texts, links = [], []
    for page in document:
        texts.append(page.get_textpage().get_text_range())
        links.extend(_links(document, page))
    return "\n".join(texts), tuple(links)


def _links(document: pypdfium2.PdfDocument, page: pypdfium2.PdfPage) -> list[str]:
    """The addresses behind the page's link annotations (pdfium's C interface; pypdfium2 has no own call for them)."""
    found, position, link = [], pdfium.c_int(0), pdfium.FPDF_LINK()
    while pdfium.FPDFLink_Enumerate(page, position, link):
        action = pdfium.FPDFLink_GetAction(link)
        size = pdfium.FPDFAction_GetURIPath(document, action, None, 0)
        buffer = pdfium.create_string_buffer(size)
        pdfium.FPDFAction_GetURIPath(document, action, buffer, size)
        found.append(buffer.value.decode("ascii", errors="replace"))
    return found
