"""Templates of one organisation, the provided ones first."""

from uuid import UUID

from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.refusals import TemplateNotFound
from invoice_service.tables.templates import Template


async def get_template(session: AsyncSession, *, organization_id: UUID, template_id: UUID) -> Template:
    """Raises `TemplateNotFound`."""
    statement = select(Template).where(
        col(Template.organization_id) == organization_id, col(Template.id) == template_id
    )
    row = (await session.exec(statement)).one_or_none()
    if row is None:
        raise TemplateNotFound("there is no template with this id; list them with GET /v1/templates")
    return row


async def list_templates(session: AsyncSession, *, organization_id: UUID) -> list[Template]:
    statement = (
        select(Template)
        .where(col(Template.organization_id) == organization_id)
        .order_by(col(Template.provided).desc(), col(Template.name), col(Template.id))
    )
    return list((await session.exec(statement)).all())


async def slug_is_taken(session: AsyncSession, *, organization_id: UUID, slug: str) -> bool:
    statement = select(Template.id).where(col(Template.organization_id) == organization_id, col(Template.slug) == slug)
    return (await session.exec(statement)).first() is not None
