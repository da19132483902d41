"""The table of `domain.headline` as one SQL expression, for lists that show only one headline.

A test compares the two over every combination of the axes, so they cannot drift apart.
"""

from datetime import date

import sqlalchemy as sa
from sqlmodel import col

from invoice_service.domain.headline import Headline, MailPicture
from invoice_service.domain.statuses import DeliveryState, DocumentState, DocumentStatus, LinkStatus, PaymentStatus
from invoice_service.tables.invoices import Invoice
from invoice_service.tables.ledger import InvoiceBalance
from invoice_service.tables.pictures import Delivery


def headline_is(word: Headline, *, today: date) -> sa.ColumnElement[bool]:
    """For statements that join `InvoiceBalance` to `Invoice`."""
    return headline_expression(today=today) == word.value


def headline_expression(*, today: date) -> sa.ColumnElement[str]:
    status, payment, mail = col(Invoice.document_status), col(InvoiceBalance.payment_status), _mail_picture()
    failed = (
        (col(Invoice.document_state) == DocumentState.FAILED)
        | ((col(Invoice.collection_method) == "stripe") & (col(Invoice.link_status) == LinkStatus.FAILED))
        | (mail == MailPicture.FAILED.value)
    )
    late = (col(Invoice.due_date) < today) & (col(InvoiceBalance.due_minor) > 0)
    return sa.case(
        (status == DocumentStatus.DRAFT, Headline.DRAFT.value),
        (payment == PaymentStatus.OVERPAID, Headline.OVERPAID.value),
        (status == DocumentStatus.VOID, Headline.VOID.value),
        (status == DocumentStatus.VOIDING, Headline.VOIDING.value),
        (status == DocumentStatus.UNCOLLECTIBLE, Headline.UNCOLLECTIBLE.value),
        (payment == PaymentStatus.DISPUTED, Headline.DISPUTED.value),
        (payment.in_((PaymentStatus.REFUNDED, PaymentStatus.PARTIALLY_REFUNDED)), Headline.REFUNDED.value),
        (payment == PaymentStatus.PAID, Headline.PAID.value),
        (failed, Headline.ACTION_NEEDED.value),
        (payment == PaymentStatus.PROCESSING, Headline.PROCESSING.value),
        (late, Headline.OVERDUE.value),
        (payment == PaymentStatus.PARTIALLY_PAID, Headline.PARTIALLY_PAID.value),
        (mail.in_((MailPicture.NONE.value, MailPicture.ON_ITS_WAY.value)), Headline.SENDING.value),
        else_=Headline.SENT.value,
    )


def _mail_picture() -> sa.ColumnElement[str]:
    """`domain.headline.mail_picture` of the invoice's newest mail."""
    state = col(Delivery.state)
    failed = state.in_((DeliveryState.FAILED, DeliveryState.BOUNCED)) | (
        (state == DeliveryState.UNKNOWN) & col(Delivery.duplicate_possible)
    )
    picture = sa.case(
        (sa.func.count() == 0, MailPicture.NONE.value),
        (sa.func.bool_or(failed), MailPicture.FAILED.value),
        (sa.func.bool_and(state == DeliveryState.SENT), MailPicture.SENT.value),
        else_=MailPicture.ON_ITS_WAY.value,
    )
    return (
        sa.select(picture)
        .where(
            col(Delivery.organization_id) == col(Invoice.organization_id), col(Delivery.mail_id) == col(Invoice.mail_id)
        )
        .correlate(Invoice)
        .scalar_subquery()
    )
