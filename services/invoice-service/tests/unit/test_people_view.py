"""A person's account in words."""

from datetime import UTC, datetime, timedelta

import pytest
from invoice_service.people_view import AccountView, account_view, browser_of
from invoice_service.tables.people import UserSession
from service_kit.identifiers import new_id

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


@pytest.mark.parametrize(
    ("user_agent", "said"),
    [
        ("Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0", "Firefox on Linux"),
        (
            "Mozilla/5.0 (Windows NT 10.0; x64) AppleWebKit/537.36 Chrome/142.0 Safari/537.36",
            "Chrome on Windows",
        ),
        ("Mozilla/5.0 (Windows NT 10.0) AppleWebKit/537.36 Chrome/142.0 Safari/537.36 Edg/142.0", "Edge on Windows"),
        ("Mozilla/5.0 (Macintosh; Intel Mac OS X 15_0) AppleWebKit/605.1 Version/18.0 Safari/605.1", "Safari on Mac"),
        ("Mozilla/5.0 (iPhone; CPU iPhone OS 18_0 like Mac OS X) Version/18.0 Safari/604.1", "Safari on iPhone"),
        ("Mozilla/5.0 (Linux; Android 16; Pixel 9) AppleWebKit/537.36 Chrome/142.0 Safari/537.36", "Chrome on Android"),
        ("curl/8.5.0", "curl"),
        ("", "Unknown browser"),
    ],
)
def test_a_browser_is_called_what_a_person_would_call_it(user_agent: str, said: str) -> None:
    assert browser_of(user_agent) == said


@pytest.mark.parametrize(
    ("age", "said"),
    [
        (timedelta(seconds=30), "last used a few minutes ago"),
        (timedelta(minutes=6), "last used 6 minutes ago"),
        (timedelta(minutes=59), "last used 59 minutes ago"),
        (timedelta(minutes=60), "last used an hour ago"),
        (timedelta(hours=23), "last used 23 hours ago"),
        (timedelta(hours=25), "last used on 21 November 2026"),
    ],
)
def test_use_is_told_as_finely_as_it_is_known(age: timedelta, said: str) -> None:
    assert _view(_session(seen_at=NOW - age)).sessions[0].seen == said


@pytest.mark.parametrize(
    ("name", "initials"),
    [("Johanna Hellström", "JH"), ("Prince", "P"), ("Ana Maria de la Cruz", "AC"), ("", "JE"), ("( )", "?")],
)
def test_initials_are_first_and_last(name: str, initials: str) -> None:
    assert _view(name=name, email="( )" if name == "( )" else "johanna@example.com").initials == initials


def test_this_browser_comes_first() -> None:
    here, there = _session(seen_at=NOW - timedelta(hours=1)), _session(seen_at=NOW)

    shown = _view(there, here, current=here).sessions

    assert [line.current for line in shown] == [True, False]
    assert shown[0].seen == "used now"


def _session(*, seen_at: datetime) -> UserSession:
    return UserSession(
        user_id=new_id(),
        id=new_id(),
        token_hmac=b"",
        created_at=seen_at,
        last_seen_at=seen_at,
        expires_at=NOW + timedelta(days=7),
    )


def _view(
    *sessions: UserSession, name: str = "J", email: str = "j@example.com", current: UserSession | None = None
) -> AccountView:
    return account_view(
        name=name,
        email=email,
        memberships=[],
        sessions=sessions,
        current=current.id if current else new_id(),
        stale=False,
        idle_seconds=8 * 3600,
        now=NOW,
    )
