"""What payment-service says of a link, applied by the table of legal moves; older attempts change nothing."""

from contracts.events.payment import PaymentLinkClosed, PaymentLinkCreated, PaymentLinkFailed
from service_kit.database import app_now
from service_kit.log_setup import get_logger
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.end_voiding import become_void, keep_against_void
from invoice_service.actions.outgoing import touch
from invoice_service.domain.lifecycle import (
    LinkNews,
    LinkNewsImpossible,
    LinkStep,
    Outcome,
    apply_link_news,
)
from invoice_service.domain.statuses import DocumentStatus, LinkStatus
from invoice_service.queries.receivables import lock_balance
from invoice_service.tables.invoices import Invoice


async def link_created(session: AsyncSession, *, invoice: Invoice, news: PaymentLinkCreated) -> None:
    """Raises `LinkNewsImpossible`, also for a link over another amount than is due."""
    step = _step(invoice, LinkNews.CREATED, news.attempt)
    if step.outcome is not Outcome.MADE:
        return
    balance = await lock_balance(session, invoice=invoice)
    if (news.amount_minor, news.currency) != (balance.due_minor, invoice.currency):
        raise LinkNewsImpossible(f"the link asks for {news.amount_minor} and not for the {balance.due_minor} due")
    invoice.link_status, invoice.link_url = step.status, news.url
    invoice.link_sandbox = news.sandbox
    invoice.first_mail_due = False
    touch(invoice, now=await app_now(session))


async def link_failed(session: AsyncSession, *, invoice: Invoice, news: PaymentLinkFailed) -> None:
    """Leaves *Action needed* with the reason, unless it was being closed; nothing is switched by itself.

    Raises `LinkNewsImpossible`.
    """
    step = _step(invoice, LinkNews.FAILED, news.attempt)
    if step.outcome is not Outcome.MADE:
        return
    invoice.link_status = step.status
    if step.status is LinkStatus.FAILED:
        invoice.link_failure_code = news.reason_code
        invoice.link_failure_message = news.message
    touch(invoice, now=await app_now(session))


async def link_closed(session: AsyncSession, *, invoice: Invoice, news: PaymentLinkClosed) -> None:
    """Ends *voiding*: void when no money came or is under way, else issued again. Raises `LinkNewsImpossible`."""
    step = _step(invoice, LinkNews.CLOSED, news.attempt)
    if step.outcome is Outcome.MADE:
        invoice.link_status, invoice.link_url = step.status, ""
    if invoice.document_status is DocumentStatus.VOIDING:
        await _settle_void(session, invoice=invoice, news=news)
    elif step.outcome is not Outcome.MADE:
        return
    touch(invoice, now=await app_now(session))


async def _settle_void(session: AsyncSession, *, invoice: Invoice, news: PaymentLinkClosed) -> None:
    if news.captured_minor > 0 or news.in_flight:
        keep_against_void(invoice)
    elif news.attempt == invoice.link_attempt:
        invoice.close_proof = news.proof.model_dump(mode="json") if news.proof else None
        await become_void(session, invoice=invoice)


def _step(invoice: Invoice, news: LinkNews, attempt: int) -> LinkStep:
    """What the news means for the link; the caller writes it."""
    step = apply_link_news(status=invoice.link_status, attempt=invoice.link_attempt, news=news, news_attempt=attempt)
    if step.outcome is not Outcome.MADE:
        get_logger("links").info(
            "news of a link changed nothing", invoice_id=str(invoice.id), news=news, attempt=attempt, why=step.outcome
        )
    return step
