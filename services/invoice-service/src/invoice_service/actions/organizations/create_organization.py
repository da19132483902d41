"""A new organisation with its defaults and the provided templates, complete in one transaction."""

from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.templates.create_template import seed_templates
from invoice_service.tables.organizations import Organization


async def create_organization(
    session: AsyncSession, *, organization_id: UUID, name: str, email: str, now: datetime
) -> Organization:
    """The transaction must already be set to ``organization_id``: an organisation can only make itself."""
    organization = Organization(
        id=organization_id,
        name=name,
        legal_name=name,
        email=email,
        sender_name=name,
        signature=name,
        created_at=now,
        updated_at=now,
    )
    session.add(organization)
    await session.flush()
    await seed_templates(session, organization_id=organization_id, now=now)
    return organization
