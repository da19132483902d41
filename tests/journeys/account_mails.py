"""Mails as they lie in the inbox, and the link that a person follows out of one about an account."""

import re
from email.message import EmailMessage

from deploy.demo.failures import NotAsItShouldBe
from deploy.demo.inbox import received
from deploy.demo.mail_checks import read_mail
from deploy.demo.waiting import until


async def mail_about(inbox: str, *, to: str, subject: str, count: int = 1) -> EmailMessage:
    """The ``count``-th mail to this address whose subject holds these words."""

    async def look() -> list[EmailMessage]:
        return [mail for mail in await received(inbox) if to in str(mail["to"]) and subject in str(mail["subject"])]

    def describe(seen: list[EmailMessage]) -> str:
        return f"{len(seen)} mails"

    mails = await until(look, lambda seen: len(seen) >= count, what=f"mail {subject!r} to {to}", describe=describe)
    return mails[count - 1]


def text_of(mail: EmailMessage) -> str:
    part = mail.get_body(preferencelist=("plain",))
    if part is None:
        raise NotAsItShouldBe(f"the mail {mail['subject']!r} has no text")
    return str(part.get_content())


def everything_in(mail: EmailMessage) -> str:
    """Each header, text and HTML as a reader gets them, and what stands in the PDF when there is one."""
    headers = [f"{name}: {value}" for part in mail.walk() for name, value in part.items()]
    texts = [str(part.get_content()) for part in mail.walk() if part.get_content_maintype() == "text"]
    has_pdf = any(part.get_content_type() == "application/pdf" for part in mail.walk())
    return "\n".join([*headers, *texts, *(read_mail(mail).parts().values() if has_pdf else ())])


def link_in(mail: EmailMessage, *, api: str, page: str) -> str:
    """The path of the only link to ``page``. Raises `NotAsItShouldBe` when there is none, or several."""
    found = set(re.findall(rf"{re.escape(api)}(/{page}/ic_[a-z]+_[A-Za-z0-9_-]{{43}})(?![\w-])", text_of(mail)))
    if len(found) != 1:
        raise NotAsItShouldBe(f"the mail {mail['subject']!r} has {len(found)} links to {page}")
    return str(found.pop())
