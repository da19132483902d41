"""Takes a person out of an organisation: their next request there is refused, everywhere else nothing changes."""

from dataclasses import dataclass
from uuid import UUID

from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.actions.people.change_role import lock_with_owners
from invoice_service.domain.permissions import Role
from invoice_service.queries.members import get_member


@dataclass(frozen=True)
class Removed:
    email: str
    role: Role


async def remove_member(session: AsyncSession, *, organization_id: UUID, user_id: UUID) -> Removed:
    """Raises `MemberNotFound`, or `LastOwner` for the only owner."""
    member = await lock_with_owners(session, organization_id=organization_id, user_id=user_id, stays=False)
    person = await get_member(session, organization_id=organization_id, user_id=user_id)
    await session.delete(member)
    await session.flush()
    return Removed(email=person.email, role=person.role)
