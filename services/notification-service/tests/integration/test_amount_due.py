"""What a mail says is due: what its link asks for, what the change of method named, or nothing once all is paid."""

from itertools import permutations

import pytest
from contracts.event import Event
from notification_tests import make
from notification_tests.mail_reading import body, parsed
from notification_tests.post_room import PostRoom

NOTHING_DUE = "Nothing is left to pay"


def parts(content: bytes) -> tuple[str, str]:
    message = parsed(content)
    return body(message, "plain"), body(message, "html")


@pytest.mark.parametrize("paid_first", [False, True])
async def test_a_mail_that_waits_for_a_link_goes_with_nothing_due_when_all_is_paid(
    post_room: PostRoom, paid_first: bool
) -> None:
    told: list[tuple[Event, int]] = [(make.invoice_sent(), 1), (make.paid(), 2)]
    for event, sequence in reversed(told) if paid_first else told:
        await post_room.hear(event, sequence=sequence)
        await post_room.work()

    [mail] = post_room.mails
    text, html = parts(mail.content)
    for part in (text, html):
        assert NOTHING_DUE in part
        assert make.DURABLE_URL in part
        assert "buy.stripe.com" not in part
    assert await post_room.mail_state() == "sent"


async def test_a_mail_that_was_sent_is_not_touched_by_a_payment_or_a_late_link(post_room: PostRoom) -> None:
    await post_room.hear(make.invoice_sent(), make.link_created())
    await post_room.work()
    before = await post_room.database.fetch("select * from notification.mails")

    await post_room.hear(make.paid(), make.link_created(attempt=2))
    await post_room.work()

    assert len(post_room.mails) == 1
    assert await post_room.database.fetch("select * from notification.mails") == before


@pytest.mark.parametrize("order", list(permutations(range(4))), ids=str)
async def test_paid_and_switched_to_manual_gives_the_same_mail_in_every_order(
    post_room: PostRoom, order: tuple[int, ...]
) -> None:
    told: list[tuple[Event, int]] = [
        (make.invoice_sent(), 1),
        (make.paid(), 2),
        (make.collection_changed(amount_due_minor=0), 3),
        (make.link_created(), 7),
    ]
    for place in order:
        await post_room.hear(told[place][0], sequence=told[place][1])

    await post_room.work()

    [mail] = post_room.mails
    text, html = parts(mail.content)
    assert NOTHING_DUE in text
    assert make.STRIPE_URL not in text + html


async def test_a_mail_shows_what_its_link_asks_for_and_not_what_was_due_when_it_was_asked_for(
    post_room: PostRoom,
) -> None:
    await post_room.hear(make.invoice_sent())
    await post_room.work()

    await post_room.hear(make.link_created(attempt=2, amount_minor=236_500))
    await post_room.work()

    text, html = parts(post_room.mails[0].content)
    for part in (text, html):
        assert "2,365.00" in part
        assert "4,365.00" not in part


@pytest.mark.parametrize("change_first", [False, True])
async def test_a_mail_by_hand_instead_asks_for_what_was_due_at_the_change(
    post_room: PostRoom, change_first: bool
) -> None:
    told: list[tuple[Event, int]] = [
        (make.invoice_sent(), 1),
        (make.collection_changed(amount_due_minor=236_500), 2),
    ]
    for event, sequence in reversed(told) if change_first else told:
        await post_room.hear(event, sequence=sequence)
        await post_room.work()

    text, html = parts(post_room.mails[0].content)
    for part in (text, html):
        assert "2,365.00" in part
        assert "4,365.00" not in part
