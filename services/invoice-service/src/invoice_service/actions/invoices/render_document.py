"""Renders an issued invoice once, stores the bytes, and only then says that it was sent.

*Reserve, call, record*: the document of one way of collection is stored at most once (its key says so), and the event
is in the same transaction as the bytes, so a replay finds the stored document and says nothing again. What cannot be
rendered, or does not read back as the ledger says, leaves *Action needed* and nothing goes out.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from uuid import UUID

from contracts.document import InvoiceDocument
from contracts.events.invoice import CollectionMethod, InvoiceCollectionChanged, InvoiceSent
from service_kit import crash_points
from service_kit.database import app_now
from service_kit.handlers import OutsideWork, Park, RetryLater
from service_kit.identifiers import new_id
from service_kit.log_setup import get_logger
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.announce import announce
from invoice_service.actions.begin_attempt import begin_attempt
from invoice_service.actions.invoices.send_invoice import RenderTask
from invoice_service.actions.outgoing import (
    collects_by_stripe,
    file_of,
    first_mail,
    link_order,
    shown_address,
    touch,
)
from invoice_service.document_agreement import DocumentDisagrees
from invoice_service.document_gateway import RenderedDocument, check_agreement, render_invoice_pdf
from invoice_service.domain.page_token import PageAddresses
from invoice_service.domain.statuses import DocumentState, DocumentStatus
from invoice_service.queries.invoices import lock_invoice
from invoice_service.queries.organizations import get_organization
from invoice_service.queries.receivables import find_connection, find_document, lock_balance
from invoice_service.tables.invoices import Document, Invoice

RENDER_TRIES_MAX = 5
"""A renderer that failed this often on the same frozen document will not succeed by itself."""


@dataclass(frozen=True)
class Typesetter:
    """The renderer and the gate that reads back what it made. ``check`` raises `DocumentDisagrees`."""

    render: Callable[..., RenderedDocument] = render_invoice_pdf
    check: Callable[..., None] = check_agreement


@dataclass(frozen=True)
class _Plan:
    document: InvoiceDocument
    collection_method: CollectionMethod
    durable_url: str
    sandbox: bool


async def render_document(work: OutsideWork, *, pages: PageAddresses, typesetter: Typesetter) -> None:
    """Safe to repeat. Raises whatever the renderer raises until the tries are used up."""
    task = RenderTask.model_validate(work.delivery.payload)
    async with work.transaction() as session:
        plan = await _reserve(session, work=work, task=task, pages=pages)
    if plan is None:
        async with work.completion():
            return
    try:
        rendered = await asyncio.to_thread(_render, plan, typesetter)
    # The renderer is an outside library: whatever it raises in the end must become a state that a person sees.
    except Exception as problem:
        if not isinstance(problem, DocumentDisagrees) and work.delivery.attempts < RENDER_TRIES_MAX:
            raise
        await _give_up(work, task=task, problem=problem)
        return
    crash_points.reached("invoice.after_render")
    async with work.completion() as session:
        await _record(session, work=work, task=task, plan=plan, rendered=rendered, pages=pages)


def _render(plan: _Plan, typesetter: Typesetter) -> RenderedDocument:
    rendered = typesetter.render(document=plan.document, durable_url=plan.durable_url, sandbox=plan.sandbox)
    typesetter.check(rendered=rendered, document=plan.document)
    return rendered


async def _reserve(session: AsyncSession, *, work: OutsideWork, task: RenderTask, pages: PageAddresses) -> _Plan | None:
    """What to render, or None where it was done before or is not wanted any more."""
    invoice = await _wanted_invoice(session, work=work, task=task)
    if invoice is None:
        return None
    connection = await find_connection(session, organization_id=invoice.organization_id)
    return _Plan(
        document=InvoiceDocument.model_validate(invoice.snapshot),
        collection_method=invoice.collection_method,
        durable_url=shown_address(invoice=invoice, pages=pages),
        sandbox=collects_by_stripe(invoice) and connection is not None and connection.sandbox,
    )


async def _wanted_invoice(session: AsyncSession, *, work: OutsideWork, task: RenderTask) -> Invoice | None:
    invoice = await lock_invoice(session, organization_id=_organization(work), invoice_id=task.invoice_id)
    if invoice.document_status is not DocumentStatus.ISSUED or invoice.collection_version != task.collection_version:
        return None
    if await find_document(session, invoice=invoice) is not None:
        return None
    balance = await lock_balance(session, invoice=invoice)
    if collects_by_stripe(invoice) and balance.due_minor == 0:
        # It was paid by hand before it went out, so there is nothing that a link could collect.
        invoice.collection_method = CollectionMethod.MANUAL
    return invoice


async def _record(
    session: AsyncSession,
    *,
    work: OutsideWork,
    task: RenderTask,
    plan: _Plan,
    rendered: RenderedDocument,
    pages: PageAddresses,
) -> None:
    invoice = await _wanted_invoice(session, work=work, task=task)
    if invoice is None:
        return
    if invoice.collection_method is not plan.collection_method:
        raise RetryLater("the way of collection changed while the document was rendered", after_seconds=0)
    now = await app_now(session)
    document = Document(
        organization_id=invoice.organization_id,
        id=new_id(),
        invoice_id=invoice.id,
        collection_version=invoice.collection_version,
        schema_version=plan.document.schema_version,
        filename=rendered.filename,
        media_type=rendered.media_type,
        content=rendered.content,
        size_bytes=len(rendered.content),
        sha256=rendered.sha256,
        created_at=now,
    )
    session.add(document)
    invoice.document_state = DocumentState.STORED
    touch(invoice, now=now)
    if invoice.collection_version == 1:
        await _say_sent(session, invoice=invoice, plan=plan, document=document, pages=pages)
    else:
        await _say_collection_changed(session, invoice=invoice, plan=plan, document=document, pages=pages)


async def _say_sent(
    session: AsyncSession, *, invoice: Invoice, plan: _Plan, document: Document, pages: PageAddresses
) -> None:
    balance = await lock_balance(session, invoice=invoice)
    organization = await get_organization(session, organization_id=invoice.organization_id)
    link = None
    if collects_by_stripe(invoice):
        begin_attempt(invoice)
        link = link_order(invoice=invoice, amount_minor=balance.due_minor, pages=pages)
    else:
        invoice.first_mail_due = False
    await announce(
        session,
        InvoiceSent(
            organization_id=invoice.organization_id,
            invoice_id=invoice.id,
            customer_id=invoice.customer_id,
            document=plan.document,
            document_sha256=invoice.snapshot_sha256 or "",
            files=(file_of(document),),
            collection_method=invoice.collection_method,
            collection_version=invoice.collection_version,
            amount_due_minor=balance.due_minor,
            currency=invoice.currency,
            link=link,
            mail=first_mail(invoice=invoice, organization=organization, pages=pages),
        ),
    )


async def _say_collection_changed(
    session: AsyncSession, *, invoice: Invoice, plan: _Plan, document: Document, pages: PageAddresses
) -> None:
    balance = await lock_balance(session, invoice=invoice)
    organization = await get_organization(session, organization_id=invoice.organization_id)
    mail = None
    if invoice.first_mail_due:
        mail = first_mail(invoice=invoice, organization=organization, pages=pages)
    invoice.first_mail_due = False
    await announce(
        session,
        InvoiceCollectionChanged(
            organization_id=invoice.organization_id,
            invoice_id=invoice.id,
            collection_method=invoice.collection_method,
            collection_version=invoice.collection_version,
            attempt=invoice.link_attempt,
            document=plan.document,
            files=(file_of(document),),
            amount_due_minor=balance.due_minor,
            mail=mail,
        ),
    )


async def _give_up(work: OutsideWork, *, task: RenderTask, problem: Exception) -> None:
    async with work.completion() as session:
        invoice = await _wanted_invoice(session, work=work, task=task)
        if invoice is None:
            return
        invoice.document_state = DocumentState.FAILED
        touch(invoice, now=await app_now(session))
    get_logger("render_document").error(
        "the document could not be made; nothing was sent",
        invoice_id=str(task.invoice_id),
        problem=type(problem).__name__,
        exc_info=problem,
    )


def _organization(work: OutsideWork) -> UUID:
    if work.delivery.organization_id is None:
        raise Park("the task names no organisation")
    return work.delivery.organization_id
