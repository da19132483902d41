"""Whether an organisation can collect by Stripe right now; asked before anything changes."""

from uuid import UUID

from contracts.events.payment import ConnectionStatus
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.domain.invoice_refusals import StripeNotReady
from invoice_service.queries.receivables import find_connection


async def check_stripe_usable(session: AsyncSession, *, organization_id: UUID) -> None:
    """Raises `StripeNotReady` unless the newest picture of the connection says it is ready."""
    connection = await find_connection(session, organization_id=organization_id)
    if connection is None or connection.status is not ConnectionStatus.READY:
        reason = connection.problem if connection and connection.problem else "no secret key was added yet"
        raise StripeNotReady(
            f"Stripe cannot be used: {reason}. Add the key under settings/stripe, or send by manual", pointer="/method"
        )
