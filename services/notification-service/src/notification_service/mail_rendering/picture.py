"""Everything a reader will see, as finished text in the order it is read, before it is either HTML or plain text.

Both parts of a mail are drawn from this one picture, so they cannot say different things.
"""

from dataclasses import dataclass

from contracts.document import Address, InvoiceDocument
from contracts.events.invoice import CollectionMethod, MailKind

from notification_service.domain.link_join import KnownLink
from notification_service.mail_content import MailContent
from notification_service.mail_rendering.figures import Amount, amount, long_date
from notification_service.mail_rendering.payment_address import payment_address, shown_address
from notification_service.mail_rendering.plain import one_line, paragraphs
from notification_service.mail_rendering.stub_rows import Row, bank_rows, stub_rows
from notification_service.mail_rendering.words import Words, words_for


class MailKindNotWritten(ValueError):
    """This release has no words for that kind of mail."""


@dataclass(frozen=True)
class MailPicture:
    """``button`` is empty when there is nothing to press; the durable address is empty in a mail by hand.

    ``durable_before`` and ``durable_after`` are the sentence around that address.
    """

    words: Words
    subject: str
    sender: str
    initials: str
    greeting: str
    message: tuple[tuple[str, ...], ...]
    due: str
    number: str
    amount: Amount
    rows: tuple[Row, ...]
    button: str
    button_url: str
    durable_url: str
    durable_text: str
    pay_where: str
    durable_before: str
    durable_after: str
    bank: tuple[Row, ...]
    bank_lines: tuple[str, ...]
    notes: tuple[tuple[str, ...], ...]
    sign_off: tuple[str, ...]
    address: str
    reply: str
    attachments: tuple[str, ...]
    sandbox: bool


def picture(content: MailContent, *, link: KnownLink | None) -> MailPicture:
    """Raises `MailKindNotWritten`, `UnusablePaymentAddress`, `contracts.money.UnknownCurrency`."""
    mail, document = content.mail, content.document
    words = words_for(mail.language or document.language)
    sender = one_line(mail.sender_name or document.seller.name)
    number = one_line(document.number)
    is_due = content.amount_due_minor > 0
    by_stripe = content.collection_method is CollectionMethod.STRIPE
    pay_url = _pay_url(content, link=link, words=words) if by_stripe and is_due else ""
    durable_url = mail.durable_url if by_stripe else ""
    by_hand = is_due and not by_stripe
    sandbox = by_stripe and link is not None and link.sandbox
    durable_before, _, durable_after = (words.or_open if pay_url else words.any_time).partition("{link}")
    bank = bank_rows(document.bank_details, seller=document.seller, number=number, words=words) if by_hand else ()
    other = document.bank_details.other if by_hand and document.bank_details else ""
    return MailPicture(
        words=words,
        subject=_subject(mail.kind, words=words, number=number, sender=sender),
        sender=sender,
        initials=_initials(sender),
        greeting=_greeting(document, words=words),
        message=paragraphs(mail.message) or ((_opening(document, words=words, number=number),),),
        due=words.to_pay_by.format(date=long_date(document.due_date, locale=words.locale))
        if is_due
        else words.nothing_due,
        number=number,
        amount=amount(minor=content.amount_due_minor, currency=content.currency, locale=words.locale),
        rows=stub_rows(document, amount_due_minor=content.amount_due_minor, words=words),
        button=(words.pay_now if pay_url else words.view_invoice) if pay_url or durable_url else "",
        button_url=pay_url or durable_url,
        durable_url=durable_url,
        durable_text=shown_address(durable_url),
        pay_where=(words.pay_where_sandbox if sandbox else words.pay_where) if pay_url else "",
        durable_before=durable_before,
        durable_after=durable_after,
        bank=bank,
        bank_lines=tuple(line for group in paragraphs(other) for line in group),
        notes=paragraphs(document.notes),
        sign_off=_sign_off(mail.signature, sender=sender, words=words),
        address=_address_line(document),
        reply=words.reply if mail.reply_to else "",
        attachments=tuple(one_line(file.filename) for file in content.files),
        sandbox=sandbox,
    )


def _subject(kind: MailKind, *, words: Words, number: str, sender: str) -> str:
    if kind in (MailKind.INVOICE, MailKind.RESEND):
        return words.subject.format(number=number, sender=sender)
    if kind is MailKind.REMINDER:
        return words.subject_reminder.format(number=number, sender=sender)
    raise MailKindNotWritten(f"there are no words yet for a mail of kind {kind}")


def _pay_url(content: MailContent, *, link: KnownLink | None, words: Words) -> str:
    if link is None:
        return ""
    payer = content.prefill_email or next(iter(content.mail.to), "")
    return payment_address(url=link.url, payer=payer, stripe_locale=words.stripe_locale)


def _greeting(document: InvoiceDocument, *, words: Words) -> str:
    name = one_line(document.buyer.contact_name)
    return words.hello_name.format(name=name) if name else words.hello


def _opening(document: InvoiceDocument, *, words: Words, number: str) -> str:
    title = one_line(document.title).rstrip(".")
    return words.opening_title.format(number=number, title=title) if title else words.opening.format(number=number)


def _sign_off(signature: str, *, sender: str, words: Words) -> tuple[str, ...]:
    """A signature of several lines is the person's own ending; one line, or none, gets ours before it."""
    lines = tuple(line for group in paragraphs(signature) for line in group)
    return lines if len(lines) > 1 else (words.regards, *(lines or (sender,)))


def _address_line(document: InvoiceDocument) -> str:
    seller: Address = document.seller.address
    town = " ".join(filter(None, (seller.postal_code, seller.city)))
    parts = (document.seller.legal_name or document.seller.name, seller.line1, seller.line2, town, seller.country)
    return one_line(", ".join(filter(None, (part.strip() for part in parts))), length_max=400)


def _initials(name: str) -> str:
    letters = [word[0] for word in name.split() if word[0].isalnum()]
    return "".join(letters[:2]).upper() or "·"
