"""One builder per noun, with boring defaults and keyword overrides."""

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from uuid import UUID

from contracts.document import (
    Address,
    Allowance,
    BankDetails,
    DocumentLine,
    InvoiceDocument,
    Layout,
    Party,
    TaxCategory,
    TaxGroup,
    Totals,
)
from contracts.events.accounts import AccountMailKind, AccountMailRequested
from contracts.events.invoice import (
    CollectionMethod,
    DocumentFile,
    InvoiceCollectionChanged,
    InvoicePaid,
    InvoiceSent,
    InvoiceVoided,
    InvoiceVoidRequested,
    LinkOrder,
    Mail,
    MailKind,
    MailRequested,
)
from contracts.events.payment import PaymentLinkCreated, StripeMode
from notification_service.domain.link_join import KnownLink
from notification_service.mail_content import MailContent

ORGANIZATION_ID = UUID("01900000-0000-7000-8000-000000000001")
INVOICE_ID = UUID("01900000-0000-7000-8000-000000000002")
CUSTOMER_ID = UUID("01900000-0000-7000-8000-000000000003")
MAIL_ID = UUID("01900000-0000-7000-8000-000000000004")
DOCUMENT_ID = UUID("01900000-0000-7000-8000-000000000005")
RESEND_ID = UUID("01900000-0000-7000-8000-000000000006")
ACCOUNT_MAIL_ID = UUID("01900000-0000-7000-8000-000000000007")
NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)

SIGN_IN_URL = "https://invoices.nordlicht.example/sign-in"
STRIPE_URL = "https://buy.stripe.com/test_28o5nS3kd"
DURABLE_URL = "https://pay.nordlicht.example/i/7Q2m-Kx9A"
PDF = b"%PDF-1.7\n% a small document\n%%EOF\n"


def line(description: str, minor: int, *, position: int = 1, digits: int = 2) -> DocumentLine:
    return DocumentLine(
        position=position,
        description=description,
        quantity=Decimal(1),
        unit_price=Decimal(minor).scaleb(-digits),
        net_amount_minor=minor,
    )


def totals(
    *, lines: int, allowances: int = 0, charges: int = 0, tax: int = 0, withheld: int = 0, prepaid: int = 0
) -> Totals:
    net = lines - allowances + charges
    return Totals(
        lines_minor=lines,
        allowances_minor=allowances,
        charges_minor=charges,
        net_minor=net,
        tax_minor=tax,
        gross_minor=net + tax,
        withheld_minor=withheld,
        prepaid_minor=prepaid,
        payable_minor=net + tax - withheld - prepaid,
    )


def seller(**changes: object) -> Party:
    party = Party(
        name="Nordlicht Studio",
        legal_name="Nordlicht Studio GmbH",
        email="billing@nordlicht.example",
        address=Address(line1="Oranienstraße 183", postal_code="10999", city="Berlin"),
    )
    return party.model_copy(update=changes)


def document(**changes: object) -> InvoiceDocument:
    made = InvoiceDocument(
        number="INV-2026-0413",
        title="Winter packaging",
        issue_date=date(2026, 11, 21),
        due_date=date(2026, 12, 5),
        currency="USD",
        language="en",
        layout=Layout.MODERN,
        seller=seller(),
        buyer=Party(name="Harbor Street Coffee", contact_name="Dolores", email="dolores@harborstreet.example"),
        customer_id=CUSTOMER_ID,
        lines=(
            line("Art direction, packaging refresh", 248_000, position=1),
            line("Illustrations, seasonal blend", 144_000, position=2),
            line("Print supervision at the mill", 93_000, position=3),
        ),
        allowances=(Allowance(reason="Returning customer", percent=Decimal(10), amount_minor=48_500),),
        totals=totals(lines=485_000, allowances=48_500),
        bank_details=BankDetails(
            account_holder="Nordlicht Studio GmbH", iban="DE02430609670123456789", bic="GENODEM1GLS"
        ),
    )
    return made.model_copy(update=changes)


def taxed_document(**changes: object) -> InvoiceDocument:
    made = document(
        allowances=(),
        lines=(line("Title sequence", 100_000),),
        tax_groups=(
            TaxGroup(
                category=TaxCategory.STANDARD, rate=Decimal(19), name="VAT", taxable_minor=100_000, tax_minor=19_000
            ),
        ),
        totals=totals(lines=100_000, tax=19_000),
        currency="EUR",
    )
    return made.model_copy(update=changes)


def mail(**changes: object) -> Mail:
    made = Mail(
        mail_id=MAIL_ID,
        kind=MailKind.INVOICE,
        to=("dolores@harborstreet.example",),
        reply_to="billing@nordlicht.example",
        sender_name="Nordlicht Studio",
        message="Here is the invoice for the winter packaging. Paying takes a minute by card or bank debit.",
        signature="Johanna Hellström",
        language="en",
        durable_url=DURABLE_URL,
    )
    return made.model_copy(update=changes)


def file(**changes: object) -> DocumentFile:
    made = DocumentFile(
        document_id=DOCUMENT_ID,
        filename="INV-2026-0413.pdf",
        media_type="application/pdf",
        size_bytes=len(PDF),
        sha256="ac559cd855da67a32abae695f78153becccadc24de6d6b16c47032bb66063d35",
    )
    return made.model_copy(update=changes)


def content(*, files: Sequence[DocumentFile] | None = None, **changes: object) -> MailContent:
    """A mail of an invoice that is collected by Stripe, waiting for its first link."""
    made = MailContent(
        mail=mail(),
        document=document(),
        files=tuple(files) if files is not None else (file(),),
        collection_method=CollectionMethod.STRIPE,
        amount_due_minor=436_500,
        currency="USD",
        attempt=1,
    )
    return made.model_copy(update=changes)


def manual_content(**changes: object) -> MailContent:
    return content(collection_method=CollectionMethod.MANUAL, attempt=None, mail=mail(durable_url="")).model_copy(
        update=changes
    )


def known_link(*, attempt: int = 1, url: str = STRIPE_URL, sandbox: bool = False) -> KnownLink:
    return KnownLink(attempt=attempt, url=url, sandbox=sandbox)


def link_order(*, attempt: int = 1) -> LinkOrder:
    return LinkOrder(
        attempt=attempt,
        amount_minor=436_500,
        currency="USD",
        invoice_number="INV-2026-0413",
        description="Invoice INV-2026-0413",
        prefill_email="dolores@harborstreet.example",
        return_url=DURABLE_URL,
    )


def invoice_sent(**changes: object) -> InvoiceSent:
    """By Stripe, with the first link ordered."""
    made = InvoiceSent(
        organization_id=ORGANIZATION_ID,
        invoice_id=INVOICE_ID,
        customer_id=CUSTOMER_ID,
        document=document(),
        document_sha256="0" * 64,
        files=(file(),),
        collection_method=CollectionMethod.STRIPE,
        amount_due_minor=436_500,
        currency="USD",
        link=link_order(),
        mail=mail(),
    )
    return made.model_copy(update=changes)


def invoice_sent_by_hand(**changes: object) -> InvoiceSent:
    return invoice_sent(collection_method=CollectionMethod.MANUAL, link=None, mail=mail(durable_url="")).model_copy(
        update=changes
    )


def link_created(*, attempt: int = 1, url: str = "", **changes: object) -> PaymentLinkCreated:
    made = PaymentLinkCreated(
        organization_id=ORGANIZATION_ID,
        invoice_id=INVOICE_ID,
        link_id=UUID(int=0x01900000_0000_7000_8000_000000001000 + attempt),
        attempt=attempt,
        url=url or (STRIPE_URL if attempt == 1 else f"https://buy.stripe.com/test_attempt{attempt}"),
        amount_minor=436_500,
        currency="USD",
        mode=StripeMode.TEST,
        sandbox=False,
    )
    return made.model_copy(update=changes)


def collection_changed(*, version: int = 2, **changes: object) -> InvoiceCollectionChanged:
    """To manual, with the first mail still to go."""
    made = InvoiceCollectionChanged(
        organization_id=ORGANIZATION_ID,
        invoice_id=INVOICE_ID,
        collection_method=CollectionMethod.MANUAL,
        collection_version=version,
        attempt=1,
        link=None,
        document=document(),
        files=(file(),),
        mail=mail(durable_url=""),
    )
    return made.model_copy(update=changes)


def paid() -> InvoicePaid:
    return InvoicePaid(
        organization_id=ORGANIZATION_ID,
        invoice_id=INVOICE_ID,
        number="INV-2026-0413",
        paid_minor=436_500,
        currency="USD",
    )


def void_requested() -> InvoiceVoidRequested:
    return InvoiceVoidRequested(organization_id=ORGANIZATION_ID, invoice_id=INVOICE_ID, attempt=1, reason="wrong sum")


def voided() -> InvoiceVoided:
    return InvoiceVoided(organization_id=ORGANIZATION_ID, invoice_id=INVOICE_ID)


def mail_requested(**changes: object) -> MailRequested:
    """A resend of the same invoice, with its own mail id."""
    made = MailRequested(
        organization_id=ORGANIZATION_ID,
        invoice_id=INVOICE_ID,
        mail=mail(mail_id=RESEND_ID, kind=MailKind.RESEND),
        document=document(),
        files=(file(),),
        collection_method=CollectionMethod.STRIPE,
        amount_due_minor=436_500,
        currency="USD",
        payment_url=STRIPE_URL,
    )
    return made.model_copy(update=changes)


def account_mail(**changes: object) -> AccountMailRequested:
    """An invitation."""
    made = AccountMailRequested(
        organization_id=ORGANIZATION_ID,
        mail_id=ACCOUNT_MAIL_ID,
        kind=AccountMailKind.INVITATION,
        to="noor@nordlicht.example",
        person_name="Noor Haddad",
        organization_name="Nordlicht Studio",
        inviter_name="Johanna Hellström",
        role="accountant",
        expires_in_hours=168,
        sign_in_url=SIGN_IN_URL,
    )
    return made.model_copy(update=changes)


def password_changed(**changes: object) -> AccountMailRequested:
    """A notice, with nothing secret in it."""
    return account_mail(
        kind=AccountMailKind.PASSWORD_CHANGED, inviter_name="", role="", expires_in_hours=0, happened_at=NOON
    ).model_copy(update=changes)
