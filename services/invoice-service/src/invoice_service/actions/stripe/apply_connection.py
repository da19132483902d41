"""Keeps the newest picture of an organisation's Stripe connection; an older version never replaces a newer one."""

from contracts.events.payment import StripeConnectionChanged
from service_kit.database import app_now
from sqlalchemy.dialects.postgresql import insert
from sqlmodel import col
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.tables.pictures import StripeConnection


async def apply_connection(session: AsyncSession, *, picture: StripeConnectionChanged) -> bool:
    """Whether it was news. Safe to repeat and in any order: one statement compares the versions."""
    values = {
        **picture.model_dump(exclude={"connection_id"}),
        "updated_at": await app_now(session),
    }
    statement = insert(StripeConnection).values(**values)
    newer = statement.on_conflict_do_update(
        index_elements=["organization_id"],
        set_={name: statement.excluded[name] for name in values if name != "organization_id"},
        where=col(StripeConnection.version) < statement.excluded.version,
    )
    return (await (await session.connection()).execute(newer)).rowcount == 1
