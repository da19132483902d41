"""Takes a person out of an organisation: their next request there is refused, everywhere else nothing changes.

An invitation that is still open for their address ends with it, or they would come back by themselves.
"""

from dataclasses import dataclass
from uuid import UUID

from service_kit.database import app_now
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.people.change_role import lock_with_owners
from invoice_service.domain.email_addresses import email_key
from invoice_service.domain.permissions import Role
from invoice_service.queries.invitations import find_open_invitation
from invoice_service.queries.members import get_member


@dataclass(frozen=True)
class Removed:
    email: str
    role: Role


async def remove_member(session: AsyncSession, *, organization_id: UUID, user_id: UUID) -> Removed:
    """Raises `MemberNotFound`, or `LastOwner` for the only owner."""
    member = await lock_with_owners(session, organization_id=organization_id, user_id=user_id, stays=False)
    person = await get_member(session, organization_id=organization_id, user_id=user_id)
    # Before the membership goes, in the order in which an acceptance takes them.
    invitation = await find_open_invitation(session, organization_id=organization_id, email_key=email_key(person.email))
    if invitation is not None:
        invitation.revoked_at = await app_now(session)
    await session.delete(member)
    await session.flush()
    return Removed(email=person.email, role=person.role)
