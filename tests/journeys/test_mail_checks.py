"""The checks of the demo see what they are there for: a payment address in a manual mail, a missing one in another."""

from dataclasses import replace
from email.message import EmailMessage

import pytest
import typst

from deploy.demo.failures import NotAsItShouldBe
from deploy.demo.mail_checks import ReadMail, check_manual_mail, check_stripe_mail, read_mail

LINK = "http://127.0.0.1:12111/pay/plink_1"
PAGE = "http://127.0.0.1:8001/i/token"
HOSTS = ("127.0.0.1:12111", "buy.stripe.com")
MANUAL = ReadMail(subject="Invoice", text="Pay to IBAN", html="<p>Pay to IBAN</p>", pdf_text="IBAN", pdf_links=())
STRIPE = ReadMail(
    subject="Invoice",
    text=f"Pay: {LINK}?prefilled_email=a%40b.example",
    html=f'<a href="{LINK}?prefilled_email=a%40b.example&amp;locale=en">Pay</a>',
    pdf_text="Pay online",
    pdf_links=(PAGE,),
)


def test_good_mails_pass() -> None:
    check_manual_mail(MANUAL, stripe_hosts=HOSTS)
    check_stripe_mail(STRIPE, link=LINK, page=PAGE)


@pytest.mark.parametrize(
    "mail",
    [
        replace(MANUAL, subject=f"Pay at {LINK}"),
        replace(MANUAL, text=f"Pay: {LINK}"),
        replace(MANUAL, html='<a href="https://buy.stripe.com/test_1">Pay</a>'),
        replace(MANUAL, pdf_text="https://BUY.STRIPE.COM/x"),
        replace(MANUAL, pdf_links=(LINK,)),
        replace(MANUAL, headers=f"X-Pay-At: {LINK}"),
        replace(MANUAL, names=("invoice.pdf", "buy.stripe.com.pdf")),
    ],
)
def test_a_payment_address_in_any_part_of_a_manual_mail_is_seen(mail: ReadMail) -> None:
    with pytest.raises(NotAsItShouldBe, match="manual invoice"):
        check_manual_mail(mail, stripe_hosts=HOSTS)


@pytest.mark.parametrize(
    ("mail", "fault"),
    [
        (replace(STRIPE, text="Pay"), "no payment link in the text"),
        (replace(STRIPE, html="<p>Pay</p>"), "no payment link in the HTML"),
        (replace(STRIPE, pdf_links=()), "does not lead to"),
        (replace(STRIPE, pdf_links=(PAGE, LINK)), "carries the payment link"),
        (replace(STRIPE, pdf_text=f"Pay at {LINK}"), "carries the payment link"),
    ],
)
def test_what_a_stripe_mail_lacks_is_seen(mail: ReadMail, fault: str) -> None:
    with pytest.raises(NotAsItShouldBe, match=fault):
        check_stripe_mail(mail, link=LINK, page=PAGE)


def pdf_of(source: str) -> bytes:
    pdf = typst.compile(source.encode())
    assert isinstance(pdf, bytes)
    return pdf


def test_text_and_links_of_the_attached_pdf_are_read() -> None:
    pdf = pdf_of(f'Total 12.50 #link("{PAGE}")[Pay online]')
    message = EmailMessage()
    message["Subject"] = "Invoice"
    message.set_content("text")
    message.add_alternative("<p>html</p>", subtype="html")
    message.add_attachment(pdf, maintype="application", subtype="pdf", filename="invoice.pdf")

    mail = read_mail(message)

    assert "Total 12.50" in mail.pdf_text
    assert mail.pdf_links == (PAGE,)


def test_headers_and_names_of_every_part_are_read() -> None:
    message = EmailMessage()
    message["Subject"] = "Invoice"
    message["List-Help"] = f"<{LINK}>"
    message.set_content("text")
    message.add_alternative("<p>html</p>", subtype="html")
    message.add_attachment(pdf_of("Total"), maintype="application", subtype="pdf", filename="Rechnung für Zoë.pdf")
    [attached] = message.iter_attachments()
    attached["Content-Location"] = PAGE

    mail = read_mail(message)

    assert f"List-Help: <{LINK}>" in mail.headers
    assert f"Content-Location: {PAGE}" in mail.headers
    assert mail.names == ("Rechnung für Zoë.pdf",)


def test_a_mail_without_its_pdf_is_seen() -> None:
    message = EmailMessage()
    message["Subject"] = "Invoice"
    message.set_content("text")
    message.add_alternative("<p>html</p>", subtype="html")

    with pytest.raises(NotAsItShouldBe, match="no PDF"):
        read_mail(message)
