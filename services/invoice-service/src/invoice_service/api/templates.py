"""Templates: the provided ones and the organisation's own."""

from datetime import datetime
from typing import Annotated, Literal

from contracts.document import Layout
from contracts.ids import TemplateId
from fastapi import APIRouter, Response
from pydantic import BaseModel
from service_kit.database import app_now
from service_kit.idempotency import Answer
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.templates.create_template import create_template
from invoice_service.actions.templates.template_content import TemplateContent
from invoice_service.api.authentication import Caller, needs
from invoice_service.api.draft_bodies import (
    Allowances,
    AllowanceView,
    Days,
    Lines,
    LineView,
    Text,
    allowance_view,
    draft_allowances,
    draft_lines,
    line_view,
)
from invoice_service.api.request_fields import LongText, Name, OptionalCurrency, Request, ShortText
from invoice_service.api.writes import Write, answer_of, writing
from invoice_service.dependencies import Parts
from invoice_service.domain.permissions import Permission
from invoice_service.queries.templates import get_template, list_templates
from invoice_service.tables.templates import Template

router = APIRouter(prefix="/v1/templates", tags=["templates"])

Reading = Annotated[Caller, needs(Permission.TEMPLATES_READ)]
Writing = Annotated[Write, writing(Permission.TEMPLATES_WRITE)]


class NewTemplate(Request):
    name: Name
    description: LongText = ""
    title: ShortText = ""
    currency: OptionalCurrency = ""
    layout: Layout = Layout.MODERN
    lines: Lines
    allowances: Allowances = ()
    notes: Text = ""
    terms: Text = ""
    message: Text = ""
    payment_terms_days: Days | None = None


class TemplateContentView(BaseModel):
    title: str
    currency: str
    layout: Layout
    lines: list[LineView]
    allowances: list[AllowanceView]
    notes: str
    terms: str
    message: str
    payment_terms_days: int | None


class TemplateView(BaseModel):
    object: Literal["template"] = "template"
    id: TemplateId
    slug: str
    name: str
    description: str
    provided: bool
    content: TemplateContentView
    version: int
    created_at: datetime


class TemplateList(BaseModel):
    object: Literal["list"] = "list"
    data: list[TemplateView]


@router.get("", name="list_templates", summary="List templates, the provided ones first")
async def list_all(caller: Reading, parts: Parts) -> TemplateList:
    async with parts.database.transaction(organization_id=caller.organization_id) as session:
        rows = await list_templates(session, organization_id=caller.organization_id)
    return TemplateList(data=[_view(row) for row in rows])


@router.get("/{template_id}", name="get_template", summary="Read one template")
async def read(template_id: TemplateId, caller: Reading, parts: Parts) -> TemplateView:
    async with parts.database.transaction(organization_id=caller.organization_id) as session:
        return _view(await get_template(session, organization_id=caller.organization_id, template_id=template_id))


@router.post(
    "", name="create_template", summary="Make a template of one's own", status_code=201, response_model=TemplateView
)
async def create(body: NewTemplate, write: Writing) -> Response:
    async def work(session: AsyncSession) -> Answer:
        template = await create_template(
            session,
            organization_id=write.caller.organization_id,
            name=body.name,
            description=body.description,
            content=_content(body),
            now=await app_now(session),
        )
        return answer_of(_view(template), status=201)

    return await write.once(work)


def _content(body: NewTemplate) -> TemplateContent:
    return TemplateContent(
        title=body.title,
        currency=body.currency,
        layout=body.layout,
        lines=draft_lines(body.lines),
        allowances=draft_allowances(body.allowances),
        notes=body.notes,
        terms=body.terms,
        message=body.message,
        payment_terms_days=body.payment_terms_days,
    )


def _view(template: Template) -> TemplateView:
    content = TemplateContent.model_validate(template.content)
    shown = TemplateContentView(
        title=content.title,
        currency=content.currency,
        layout=content.layout,
        lines=[line_view(line) for line in content.lines],
        allowances=[allowance_view(allowance) for allowance in content.allowances],
        notes=content.notes,
        terms=content.terms,
        message=content.message,
        payment_terms_days=content.payment_terms_days,
    )
    return TemplateView.model_validate({**template.model_dump(exclude={"content"}), "content": shown})
