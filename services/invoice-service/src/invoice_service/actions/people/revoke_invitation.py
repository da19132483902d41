"""Takes an invitation back: from now on none of its links opens anything."""

from datetime import datetime
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.queries.invitations import lock_open_invitation
from invoice_service.tables.people import Invitation


async def revoke_invitation(
    session: AsyncSession, *, organization_id: UUID, invitation_id: UUID, now: datetime
) -> Invitation:
    """Raises `InvitationNotFound` for one that is not open any more."""
    invitation = await lock_open_invitation(session, organization_id=organization_id, invitation_id=invitation_id)
    invitation.revoked_at = now
    await session.flush()
    return invitation
