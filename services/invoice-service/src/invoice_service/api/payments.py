"""Payments that a person records, and their correction by a reversal."""

from datetime import date, datetime
from typing import Annotated, Literal

from contracts.ids import InvoiceId, LedgerEntryId, PaymentId
from fastapi import APIRouter, Response
from pydantic import BaseModel, Field
from service_kit.idempotency import Answer
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.payments.record_manual_payment import ManualPayment, record_manual_payment
from invoice_service.actions.payments.reverse_manual_payment import reverse_manual_payment
from invoice_service.api.invoice_views import BalanceView
from invoice_service.api.request_fields import Request, Whole
from invoice_service.api.writes import Write, answer_of, writing
from invoice_service.domain.permissions import Permission
from invoice_service.domain.statuses import EntryKind, PaymentStatus
from invoice_service.queries.receivables import get_balance
from invoice_service.tables.ledger import LedgerEntry

router = APIRouter(prefix="/v1/invoices", tags=["payments"])

Writing = Annotated[Write, writing(Permission.PAYMENTS_WRITE)]


class PaymentBody(Request):
    """In minor units of the invoice's currency. Without `paid_on` it was today."""

    amount_minor: Annotated[int, Field(description="From 1; 1250 is 12.50 where a currency has two digits."), Whole]
    paid_on: date | None = None
    reference: str = ""
    note: str = ""


class ReversalBody(Request):
    note: Annotated[str, Field(max_length=500)] = ""


class PaymentAnswer(BaseModel):
    """One posting, and the invoice's balance after it. What is more than due waits in suspense."""

    object: Literal["payment"] = "payment"
    id: PaymentId | None
    entry_id: LedgerEntryId
    invoice_id: InvoiceId | None
    kind: EntryKind
    amount_minor: int
    applied_minor: int
    suspense_minor: int
    currency: str
    occurred_at: datetime
    note: str
    payment_status: PaymentStatus
    balance: BalanceView


@router.post(
    "/{invoice_id}/payments",
    name="record_payment",
    summary="Record a payment by hand",
    status_code=201,
    response_model=PaymentAnswer,
)
async def record(invoice_id: InvoiceId, body: PaymentBody, write: Writing) -> Response:
    async def work(session: AsyncSession) -> Answer:
        entry = await record_manual_payment(
            session,
            organization_id=write.caller.organization_id,
            invoice_id=invoice_id,
            payment=ManualPayment(body.amount_minor, body.paid_on, body.reference, body.note),
            actor=write.caller.actor,
            pages=write.parts.pages,
        )
        return await _answer(session, entry, invoice_id)

    return await write.once(work)


@router.post(
    "/{invoice_id}/payments/{payment_id}/reverse",
    name="reverse_payment",
    summary="Take back a payment that was recorded by hand",
    status_code=201,
    response_model=PaymentAnswer,
)
async def reverse(
    invoice_id: InvoiceId, payment_id: PaymentId, write: Writing, body: ReversalBody = ReversalBody()
) -> Response:
    async def work(session: AsyncSession) -> Answer:
        entry = await reverse_manual_payment(
            session,
            organization_id=write.caller.organization_id,
            invoice_id=invoice_id,
            payment_id=payment_id,
            note=body.note,
            actor=write.caller.actor,
            pages=write.parts.pages,
        )
        return await _answer(session, entry, invoice_id)

    return await write.once(work)


async def _answer(session: AsyncSession, entry: LedgerEntry, invoice_id: InvoiceId) -> Answer:
    balance = await get_balance(session, organization_id=entry.organization_id, invoice_id=invoice_id)
    view = PaymentAnswer(
        id=entry.payment_id,
        entry_id=entry.id,
        invoice_id=entry.invoice_id,
        kind=entry.kind,
        amount_minor=entry.received_minor,
        applied_minor=entry.applied_minor,
        suspense_minor=entry.suspense_minor,
        currency=entry.currency,
        occurred_at=entry.occurred_at,
        note=entry.note,
        payment_status=balance.payment_status,
        balance=BalanceView.model_validate(balance, from_attributes=True),
    )
    return answer_of(view, status=201)
