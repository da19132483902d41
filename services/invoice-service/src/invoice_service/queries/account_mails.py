"""Mails about accounts and the secrets that were minted for them, by name."""

from datetime import datetime
from uuid import UUID

import sqlalchemy as sa
from sqlmodel import col, select
from sqlmodel.ext.asyncio.session import AsyncSession

from invoice_service.tables.people import AccountMail, AccountSecret, User


async def find_and_lock_account_mail(
    session: AsyncSession, *, organization_id: UUID, mail_id: UUID
) -> AccountMail | None:
    """Held until the transaction ends, so that secrets of one mail are minted and used in turn."""
    statement = select(AccountMail).where(
        col(AccountMail.organization_id) == organization_id, col(AccountMail.id) == mail_id
    )
    locked = statement.with_for_update(key_share=True).execution_options(populate_existing=True)
    return (await session.exec(locked)).one_or_none()


async def secrets_of_mail(session: AsyncSession, *, organization_id: UUID, mail_id: UUID) -> list[AccountSecret]:
    statement = select(AccountSecret).where(
        col(AccountSecret.organization_id) == organization_id, col(AccountSecret.mail_id) == mail_id
    )
    return list((await session.exec(statement)).all())


async def mark_secrets_used(session: AsyncSession, *, organization_id: UUID, mail_id: UUID, now: datetime) -> None:
    await session.exec(
        sa.update(AccountSecret)
        .where(
            col(AccountSecret.organization_id) == organization_id,
            col(AccountSecret.mail_id) == mail_id,
            col(AccountSecret.used_at).is_(None),
        )
        .values(used_at=now)
    )


async def find_and_lock_user(session: AsyncSession, *, user_id: UUID) -> User | None:
    """Needs `queries.people.set_person`. Held until the transaction ends."""
    statement = select(User).where(col(User.id) == user_id).with_for_update(key_share=True)
    return (await session.exec(statement.execution_options(populate_existing=True))).one_or_none()
