"""How many invitations an organisation may have open and send, so that nobody is buried in mail that way."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from service_kit.errors import DomainError, ErrorKind, TooManyRequests

GOOD_FOR = timedelta(days=7)
OPEN_MAX = 100
QUOTA_WINDOW = timedelta(days=1)
MAILS_MAX = 200
MAILS_TO_ONE_MAX = 5


class TooManyOpenInvitations(DomainError):
    slug = "too-many-open-invitations"
    kind = ErrorKind.CONFLICT
    title = "Too many invitations are open"


class TooManyInvitationMails(TooManyRequests):
    slug = "too-many-invitation-mails"
    title = "Too many invitations were mailed today"


def check_open(count: int) -> None:
    """Raises `TooManyOpenInvitations` if there is no room for one more."""
    if count >= OPEN_MAX:
        raise TooManyOpenInvitations(f"{OPEN_MAX} invitations are open; revoke some or wait until they are accepted")


def check_mails(*, all_mails: Sequence[datetime], to_this_one: Sequence[datetime], now: datetime) -> None:
    """Both are the times within `QUOTA_WINDOW`, the oldest first. Raises `TooManyInvitationMails`."""
    if len(to_this_one) >= MAILS_TO_ONE_MAX:
        raise _wait(f"{MAILS_TO_ONE_MAX} invitations a day go to one address", to_this_one[-MAILS_TO_ONE_MAX], now)
    if len(all_mails) >= MAILS_MAX:
        raise _wait(f"{MAILS_MAX} invitations a day go out for one organisation", all_mails[-MAILS_MAX], now)


def _wait(rule: str, oldest: datetime, now: datetime) -> TooManyInvitationMails:
    """Until the oldest one that counts is a day old."""
    seconds = max(1, round((oldest + QUOTA_WINDOW - now).total_seconds()))
    return TooManyInvitationMails(f"at most {rule}; try again later", retry_after_seconds=seconds)
