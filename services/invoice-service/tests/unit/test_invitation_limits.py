"""How many invitations go out: counted over a day, for one address and for all."""

from datetime import UTC, datetime, timedelta

import pytest
from invoice_service.domain.invitation_limits import (
    MAILS_MAX,
    MAILS_TO_ONE_MAX,
    OPEN_MAX,
    TooManyInvitationMails,
    TooManyOpenInvitations,
    check_mails,
    check_open,
)

NOON = datetime(2026, 11, 20, 12, tzinfo=UTC)


def _every_minute(count: int) -> list[datetime]:
    """The oldest first; the newest was now."""
    return [NOON - timedelta(minutes=number) for number in reversed(range(count))]


def test_up_to_the_limits_everything_goes_out() -> None:
    check_open(OPEN_MAX - 1)
    check_mails(all_mails=_every_minute(MAILS_MAX - 1), to_this_one=_every_minute(MAILS_TO_ONE_MAX - 1), now=NOON)


def test_there_is_no_room_for_one_more_open_invitation() -> None:
    with pytest.raises(TooManyOpenInvitations, match="100 invitations are open"):
        check_open(OPEN_MAX)


@pytest.mark.parametrize(
    ("everybody", "this_one", "waited"), [(200, 0, 199), (250, 0, 199), (5, 5, 4), (9, 9, 4)], ids=str
)
def test_a_refusal_lasts_until_the_oldest_mail_that_counts_is_a_day_old(
    everybody: int, this_one: int, waited: int
) -> None:
    with pytest.raises(TooManyInvitationMails) as refusal:
        check_mails(all_mails=_every_minute(everybody), to_this_one=_every_minute(this_one), now=NOON)

    assert refusal.value.retry_after_seconds == 86_400 - waited * 60
