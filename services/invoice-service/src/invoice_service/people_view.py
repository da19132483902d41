"""A person's account in words: organisations with what one may do there, and sessions by browser and time."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import UUID

from contracts.ids import format_id

from invoice_service.domain.permissions import Role
from invoice_service.queries.people import OwnMembership
from invoice_service.tables.people import UserSession

ROLE_CAN = {
    Role.OWNER: "Owners do everything, also members, keys and Stripe.",
    Role.ACCOUNTANT: "Accountants write and send invoices and record payments.",
    Role.VIEWER: "Viewers look at everything and change nothing.",
}
_BROWSERS = (("Edg/", "Edge"), ("OPR/", "Opera"), ("Firefox/", "Firefox"), ("Chrome/", "Chrome"), ("Safari/", "Safari"))
_SYSTEMS = (
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Mac OS X", "Mac"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
)
_PROGRAM_MAX = 40


@dataclass(frozen=True)
class OrganizationLine:
    name: str
    role: str
    can: str


@dataclass(frozen=True)
class SessionLine:
    id: str
    browser: str
    address: str
    seen: str
    current: bool


@dataclass(frozen=True)
class AccountView:
    """``stale``: the sign-in is too long ago to end sessions without the password."""

    name: str
    email: str
    initials: str
    organizations: tuple[OrganizationLine, ...]
    sessions: tuple[SessionLine, ...]
    stale: bool
    idle: str


def account_view(
    *,
    name: str,
    email: str,
    memberships: Sequence[OwnMembership],
    sessions: Sequence[UserSession],
    current: UUID,
    stale: bool,
    idle_seconds: int,
    now: datetime,
) -> AccountView:
    return AccountView(
        name=name,
        email=email,
        initials=_initials(name or email),
        organizations=tuple(
            OrganizationLine(one.organization_name, one.role.value.capitalize(), ROLE_CAN[one.role])
            for one in memberships
        ),
        sessions=tuple(_line(row, current=row.id == current, now=now) for row in _own_first(sessions, current)),
        stale=stale,
        idle=_span(idle_seconds),
    )


def _own_first(sessions: Sequence[UserSession], current: UUID) -> list[UserSession]:
    return sorted(sessions, key=lambda row: row.id != current)


def _line(row: UserSession, *, current: bool, now: datetime) -> SessionLine:
    return SessionLine(
        id=format_id("ses", row.id),
        browser=browser_of(row.user_agent),
        address=row.address,
        seen="used now" if current else f"last used {_ago(now - row.last_seen_at, row.last_seen_at)}",
        current=current,
    )


def browser_of(user_agent: str) -> str:
    """What a person would call it. Programs that are no browser are named as they name themselves."""
    browser = next((name for sign, name in _BROWSERS if sign in user_agent), "")
    system = next((name for sign, name in _SYSTEMS if sign in user_agent), "")
    if browser and system:
        return f"{browser} on {system}"
    return browser or system or user_agent.split("/")[0][:_PROGRAM_MAX] or "Unknown browser"


def _ago(age: timedelta, at: datetime) -> str:
    minutes = int(age.total_seconds() // 60)
    # Use is noted every five minutes, so nothing finer is known.
    if minutes < 6:
        return "a few minutes ago"
    if minutes < 60:
        return f"{minutes} minutes ago"
    if minutes < 24 * 60:
        hours = minutes // 60
        return "an hour ago" if hours == 1 else f"{hours} hours ago"
    return f"on {at.day} {at:%B %Y}"


def _span(seconds: int) -> str:
    hours, minutes = seconds // 3600, seconds % 3600 // 60
    if hours and not minutes:
        return "1 hour" if hours == 1 else f"{hours} hours"
    return f"{seconds // 60} minutes"


def _initials(text: str) -> str:
    words = [word for word in text.replace("@", " ").split() if word[0].isalnum()]
    return "".join(word[0] for word in (words[:1] + words[1:][-1:])).upper() or "?"
