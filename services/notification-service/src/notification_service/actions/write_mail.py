"""From what one try found to the bytes that go out: fetch what the mail needs from invoice-service, then write it.

What an account mail's button opens is asked for anew at every try and lives no longer than the `Letter`.
"""

from dataclasses import dataclass, field, replace

from contracts.events.accounts import AccountMailKind, AccountMailRequested
from contracts.ids import format_id
from contracts.money import UnknownCurrency
from service_kit.handlers import Park, RetryLater

from notification_service.account_secrets_gateway import (
    AccountMailUnknown,
    AccountSecret,
    AccountSecretDoor,
    UnusableSecret,
)
from notification_service.actions.look_at_mail import Ready
from notification_service.documents_gateway import DocumentDiffers, DocumentDoor, DocumentNotThere
from notification_service.domain.delivery import RetryPolicy
from notification_service.domain.smtp_replies import Verdict
from notification_service.domain.veiled_words import without_secret
from notification_service.domain.web_addresses import UnusableWebAddress, origin, usable_web_address
from notification_service.mail_content import MailContent
from notification_service.mail_gateway import MailDoor
from notification_service.mail_rendering.html_part import HtmlWriter
from notification_service.mail_rendering.payment_address import UnusablePaymentAddress
from notification_service.mail_rendering.picture import MailKindNotWritten
from notification_service.mail_rendering.written_mail import written_account_mail, written_mail


@dataclass(frozen=True)
class PostOffice:
    """What sending needs. The patience is in seconds: how long wrong or missing answers are asked for again."""

    door: MailDoor
    documents: DocumentDoor
    account_secrets: AccountSecretDoor
    html_writer: HtmlWriter
    mail_from: str
    policy: RetryPolicy
    document_patience_seconds: float
    secret_patience_seconds: float


@dataclass(frozen=True)
class Letter:
    """A finished mail. ``secret_url`` is empty where nothing in it is secret."""

    content: bytes = field(repr=False)
    secret_url: str = field(default="", repr=False)

    def kept(self, verdict: Verdict) -> Verdict:
        """``verdict`` as it may be stored and told."""
        return replace(verdict, words=without_secret(verdict.words, secret_url=self.secret_url))


async def write_mail(ready: Ready, *, office: PostOffice) -> Letter:
    """Raises `AccountMailMoot` for a mail without a purpose, `RetryLater` while something cannot be had, `Park`."""
    if isinstance(ready.content, MailContent):
        return Letter(await _about_invoice(ready, ready.content, office=office))
    return await _about_account(ready, ready.content, office=office)


async def _about_invoice(ready: Ready, content: MailContent, *, office: PostOffice) -> bytes:
    try:
        files = [
            (file, await office.documents.fetch(file, organization_id=ready.organization_id)) for file in content.files
        ]
    except (DocumentDiffers, DocumentNotThere) as problem:
        raise RetryLater(str(problem), give_up_after_seconds=office.document_patience_seconds) from problem
    try:
        return written_mail(
            content,
            link=ready.link,
            files=files,
            message_id=ready.message_id,
            dated_at=ready.dated_at,
            mail_from=office.mail_from,
            html_writer=office.html_writer,
        )
    except (MailKindNotWritten, UnusablePaymentAddress, UnknownCurrency) as problem:
        raise Park(str(problem)) from problem


async def _about_account(ready: Ready, asked: AccountMailRequested, *, office: PostOffice) -> Letter:
    try:
        home = origin(usable_web_address(asked.sign_in_url))
    except UnusableWebAddress as problem:
        raise Park(f"the sign-in address of the mail cannot be used: {problem}") from None
    secret = None
    if asked.kind is not AccountMailKind.PASSWORD_CHANGED:
        secret = await _minted(asked, home=home, office=office)
    try:
        content = written_account_mail(
            asked,
            secret=secret,
            message_id=ready.message_id,
            dated_at=ready.dated_at,
            mail_from=office.mail_from,
            html_writer=office.html_writer,
        )
    except Exception as problem:
        # Whatever a renderer complains of could quote the link, so nothing of its message goes further.
        raise Park(f"the mail cannot be written: {type(problem).__name__}") from None
    return Letter(content, secret_url=secret.url if secret is not None else "")


async def _minted(asked: AccountMailRequested, *, home: str, office: PostOffice) -> AccountSecret:
    try:
        secret = await office.account_secrets.mint(asked.mail_id, organization_id=asked.organization_id)
        if origin(secret.url) != home:
            raise UnusableSecret(f"the address for {format_id('mail', asked.mail_id)} leads to another place")
    except (AccountMailUnknown, UnusableSecret) as problem:
        # The mail was stored before its event, so only a release that does not know the way yet is waited for.
        raise RetryLater(str(problem), give_up_after_seconds=office.secret_patience_seconds) from None
    return secret
