"""Templates of an organisation: the provided ones, put there when it begins, and its own."""

import re
import unicodedata
from datetime import datetime
from uuid import UUID

from service_kit.errors import DomainError, ErrorKind
from service_kit.identifiers import new_id
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.templates.provided_templates import PROVIDED_TEMPLATES
from invoice_service.actions.templates.template_content import TemplateContent
from invoice_service.domain.draft_limits import check_line_count
from invoice_service.domain.drafting import compute_document
from invoice_service.queries.organizations import lock_organization
from invoice_service.queries.templates import slug_is_taken
from invoice_service.tables.templates import Template

SLUG_LENGTH_MAX = 60


class TemplateNameTaken(DomainError):
    slug = "template-name-taken"
    kind = ErrorKind.CONFLICT
    title = "A template of this name exists"


async def create_template(
    session: AsyncSession,
    *,
    organization_id: UUID,
    name: str,
    description: str,
    content: TemplateContent,
    now: datetime,
) -> Template:
    """Raises `TemplateNameTaken`, and what `compute_document` raises for lines that no invoice could have."""
    organization = await lock_organization(session, organization_id=organization_id)
    check_line_count(len(content.lines))
    compute_document(
        currency=content.currency or organization.default_currency, lines=content.lines, allowances=content.allowances
    )
    slug = slug_of(name)
    if await slug_is_taken(session, organization_id=organization_id, slug=slug):
        raise TemplateNameTaken(f"there is a template '{slug}' already; choose another name", pointer="/name")
    template = _template(organization_id, slug, name, description, content, now, provided=False)
    session.add(template)
    await session.flush()
    return template


async def seed_templates(session: AsyncSession, *, organization_id: UUID, now: datetime) -> None:
    """The provided templates, for an organisation that has none yet."""
    session.add_all(
        _template(organization_id, given.slug, given.name, given.description, given.content, now, provided=True)
        for given in PROVIDED_TEMPLATES
    )
    await session.flush()


def slug_of(name: str) -> str:
    """``Monthly fee, Zürich`` becomes ``monthly-fee-zurich``."""
    plain = unicodedata.normalize("NFKD", name.casefold()).encode("ascii", "ignore").decode()
    return re.sub(r"[^a-z0-9]+", "-", plain)[:SLUG_LENGTH_MAX].strip("-") or "template"


def _template(
    organization_id: UUID,
    slug: str,
    name: str,
    description: str,
    content: TemplateContent,
    now: datetime,
    *,
    provided: bool,
) -> Template:
    return Template(
        organization_id=organization_id,
        id=new_id(),
        slug=slug,
        name=name,
        description=description,
        provided=provided,
        content=content.model_dump(mode="json"),
        created_at=now,
        updated_at=now,
    )
