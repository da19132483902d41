"""People and what they may enter: users with their sessions, memberships, invitations, and the secrets mailed to them.

A user belongs to no organisation; row security shows a person's rows only while ``app.user_id`` names that person.
"""

from datetime import datetime
from uuid import UUID

from contracts.events.accounts import AccountMailKind
from sqlalchemy import LargeBinary, Text
from sqlmodel import Field

from invoice_service.domain.permissions import Role
from invoice_service.tables.schema import Row, Timestamp, text_of


class User(Row, table=True):
    """``email`` is as it was typed; ``email_key`` is the form in which addresses are compared."""

    __tablename__ = "users"

    id: UUID = Field(primary_key=True)
    email: str = Field(sa_type=Text)
    email_key: str = Field(sa_type=Text)
    name: str = Field(default="", sa_type=Text)
    language: str = Field(default="en", sa_type=Text)
    password_hash: str | None = Field(default=None, sa_type=Text, repr=False)
    password_changed_at: datetime | None = Field(default=None, sa_type=Timestamp)
    disabled_at: datetime | None = Field(default=None, sa_type=Timestamp)
    created_at: datetime = Field(sa_type=Timestamp)
    updated_at: datetime = Field(sa_type=Timestamp)


class UserSession(Row, table=True):
    """One browser signed in; the token itself is only in its cookie. ``expires_at`` comes whatever is done."""

    __tablename__ = "user_sessions"

    user_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    token_hmac: bytes = Field(sa_type=LargeBinary, repr=False)
    created_at: datetime = Field(sa_type=Timestamp)
    last_seen_at: datetime = Field(sa_type=Timestamp)
    expires_at: datetime = Field(sa_type=Timestamp)
    ended_at: datetime | None = Field(default=None, sa_type=Timestamp)
    address: str = Field(default="", sa_type=Text)
    user_agent: str = Field(default="", sa_type=Text)


class Membership(Row, table=True):
    __tablename__ = "memberships"

    organization_id: UUID = Field(primary_key=True)
    user_id: UUID = Field(primary_key=True)
    role: Role = Field(sa_type=text_of(Role))
    version: int = Field(default=1)
    created_at: datetime = Field(sa_type=Timestamp)
    updated_at: datetime = Field(sa_type=Timestamp)


class Invitation(Row, table=True):
    """Open until accepted, revoked or expired. ``mail_outcome`` is what became of its newest mail."""

    __tablename__ = "invitations"

    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    email: str = Field(sa_type=Text)
    email_key: str = Field(sa_type=Text)
    role: Role = Field(sa_type=text_of(Role))
    language: str = Field(default="en", sa_type=Text)
    invited_by: str = Field(sa_type=Text)
    inviter_name: str = Field(default="", sa_type=Text)
    created_at: datetime = Field(sa_type=Timestamp)
    expires_at: datetime = Field(sa_type=Timestamp)
    accepted_at: datetime | None = Field(default=None, sa_type=Timestamp)
    accepted_by: UUID | None = None
    revoked_at: datetime | None = Field(default=None, sa_type=Timestamp)
    mail_id: UUID
    mail_outcome: str = Field(default="queued", sa_type=Text)
    mail_reason: str = Field(default="", sa_type=Text)


class AccountMail(Row, table=True):
    """One mail about an account. Secrets are minted for it while it is made, until ``good_until``."""

    __tablename__ = "account_mails"

    organization_id: UUID = Field(primary_key=True)
    id: UUID = Field(primary_key=True)
    kind: AccountMailKind = Field(sa_type=text_of(AccountMailKind))
    user_id: UUID | None = None
    invitation_id: UUID | None = None
    created_at: datetime = Field(sa_type=Timestamp)
    good_until: datetime = Field(sa_type=Timestamp)
    outcome: str = Field(default="queued", sa_type=Text)


class AccountSecret(Row, table=True):
    """The proof of one mailed secret. The text went into a mail and is nowhere else."""

    __tablename__ = "account_secrets"

    organization_id: UUID = Field(primary_key=True)
    token_hmac: bytes = Field(primary_key=True, sa_type=LargeBinary, repr=False)
    mail_id: UUID
    created_at: datetime = Field(sa_type=Timestamp)
    expires_at: datetime = Field(sa_type=Timestamp)
    used_at: datetime | None = Field(default=None, sa_type=Timestamp)


class SignInFailures(Row, table=True):
    """Failed tries of one subject: an HMAC over an address, a client or both, so the table names nobody."""

    __tablename__ = "sign_in_failures"

    subject: bytes = Field(primary_key=True, sa_type=LargeBinary)
    failures: int
    first_at: datetime = Field(sa_type=Timestamp)
    blocked_until: datetime | None = Field(default=None, sa_type=Timestamp)
