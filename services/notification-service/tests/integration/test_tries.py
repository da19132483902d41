"""What happens to a mail that the server does not simply take: it is retried, refused, or honestly unknown."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import timedelta
from itertools import chain

import pytest
from contracts.events.invoice import MailKind
from contracts.events.notification import EmailFailed, EmailOutcomeUnknown, EmailSent
from notification_service.domain.delivery import retry_policy
from notification_tests import make
from notification_tests.fakes import Cut, FakeMailDoor, Hang, Reply, Script, Step
from notification_tests.post_room import PostRoom, outages

GREYLISTED = Reply("451 4.7.1 Greylisted")
NO_SUCH_USER = Reply("550 5.1.1 No such\x1b[0m user")
BY_HAND = make.invoice_sent_by_hand()
TWO = make.invoice_sent_by_hand(mail=make.mail(to=("a@x.example", "b@y.example"), durable_url=""))


def scripted(post_room: PostRoom, **steps: Sequence[Step]) -> FakeMailDoor:
    door = FakeMailDoor(Script({verb.replace("__", ":"): list(rows) for verb, rows in steps.items()}))
    post_room.door = door
    return door


def kinds(events: Sequence[object]) -> list[str]:
    return [type(event).__name__ for event in events]


@pytest.mark.parametrize(
    ("verb", "step"),
    [("rcpt", GREYLISTED), ("connect", Reply("421 4.3.2 Busy")), ("connect", Cut()), ("content", Reply("452 full"))],
    ids=str,
)
async def test_a_mail_that_is_not_taken_now_goes_out_later_and_nothing_is_said_until_then(
    post_room: PostRoom, verb: str, step: Step
) -> None:
    door = scripted(post_room, **{verb: [step, step]})
    await post_room.hear(BY_HAND)
    await post_room.work()
    waits = [await post_room.seconds_until_due()]
    said_before = await post_room.published()

    await post_room.later(60)
    waits.append(await post_room.seconds_until_due())
    await post_room.later(300)

    assert said_before == []
    assert waits == [pytest.approx(60, abs=5), pytest.approx(300, abs=5)]
    assert len(door.mails) == 1
    assert kinds(await post_room.published()) == ["EmailSent"]


async def test_a_retry_has_the_same_bytes(post_room: PostRoom) -> None:
    door = scripted(post_room, **{"rcpt:b@y.example": [GREYLISTED]})
    await post_room.hear(TWO)
    await post_room.work()

    await post_room.later(61)

    first, second = door.mails
    assert (first.recipients, second.recipients) == (("a@x.example",), ("b@y.example",))
    assert first.content == second.content


async def test_a_mail_is_given_up_after_two_days_with_the_servers_words(post_room: PostRoom) -> None:
    post_room.door = FakeMailDoor(Script(always={"rcpt": GREYLISTED}))
    post_room.policy = replace(post_room.policy, delays=(timedelta(hours=20),))
    await post_room.hear(BY_HAND)
    await post_room.work()

    for _ in range(3):
        await post_room.later(20 * 3600 + 60)

    [failed] = await post_room.published()
    assert isinstance(failed, EmailFailed)
    assert failed.recipients[0].reason == "451 4.7.1 Greylisted"
    assert post_room.mails == []
    assert await post_room.mail_state() == "failed"


async def test_a_refusal_is_said_at_once_in_clean_words(post_room: PostRoom) -> None:
    scripted(post_room, rcpt=[NO_SUCH_USER])
    await post_room.hear(BY_HAND)

    await post_room.work()

    [failed] = await post_room.published()
    assert isinstance(failed, EmailFailed)
    assert failed.recipients[0].reason == "550 5.1.1 No such [0m user"
    assert await post_room.mail_state() == "failed"


async def test_one_refused_recipient_is_told_apart_from_the_one_who_has_it(post_room: PostRoom) -> None:
    scripted(post_room, **{"rcpt:a@x.example": [NO_SUCH_USER]})
    await post_room.hear(TWO)

    await post_room.work()

    assert await post_room.deliveries() == {"a@x.example": "failed", "b@y.example": "sent"}
    sent, failed = await post_room.published()
    assert isinstance(sent, EmailSent)
    assert isinstance(failed, EmailFailed)
    assert sent.recipients == ("b@y.example",)
    assert failed.recipients[0].address == "a@x.example"


@pytest.mark.parametrize("step", [Cut(took=True), Cut(), Hang()], ids=str)
async def test_an_answer_lost_after_the_content_is_unknown_and_goes_again_once_with_the_same_id(
    post_room: PostRoom, step: Step
) -> None:
    door = scripted(post_room, content=[step])
    await post_room.hear(BY_HAND)
    await post_room.work()
    state, wait = await post_room.mail_state(), await post_room.seconds_until_due()

    await post_room.later(901)

    unknown, sent = await post_room.published()
    assert (state, wait) == ("unknown", pytest.approx(900, abs=5))
    assert isinstance(unknown, EmailOutcomeUnknown)
    assert isinstance(sent, EmailSent)
    assert unknown.resend_in_seconds == 900
    assert sent.duplicate_possible
    assert sent.message_id == unknown.message_id
    assert len({mail.content for mail in door.mails}) == 1
    assert len(door.mails) == (2 if step == Cut(took=True) else 1)


async def test_a_second_lost_answer_ends_it_and_a_person_has_to_look(post_room: PostRoom) -> None:
    door = scripted(post_room, content=[Cut(took=True), Cut(took=True)])
    await post_room.hear(BY_HAND)
    await post_room.work()

    await post_room.later(901)
    await post_room.later(100_000)

    first, last = await post_room.published()
    assert isinstance(first, EmailOutcomeUnknown)
    assert isinstance(last, EmailOutcomeUnknown)
    assert last.resend_in_seconds is None
    assert len(door.mails) == 2
    assert await post_room.mail_state() == "unknown"


async def test_a_resend_that_is_put_off_says_nothing_new_and_then_goes(post_room: PostRoom) -> None:
    scripted(post_room, content=[Cut()], rcpt=[Reply("250 ok"), GREYLISTED])
    await post_room.hear(BY_HAND)
    await post_room.work()
    await post_room.later(901)
    said = kinds(await post_room.published())

    await post_room.later(301)

    assert said == ["EmailOutcomeUnknown"]
    assert kinds(await post_room.published()) == ["EmailOutcomeUnknown", "EmailSent"]


async def test_an_invoice_voided_between_two_tries_is_not_mailed(post_room: PostRoom) -> None:
    door = scripted(post_room, rcpt=[GREYLISTED])
    await post_room.hear(BY_HAND)
    await post_room.work()

    await post_room.hear(make.voided())
    await post_room.later(61)

    assert door.mails == []
    assert await post_room.mail_state() == "dropped"


async def test_an_unknown_mail_of_a_voided_invoice_is_not_sent_again(post_room: PostRoom) -> None:
    door = scripted(post_room, content=[Cut(took=True)])
    await post_room.hear(BY_HAND)
    await post_room.work()

    await post_room.hear(make.voided())
    await post_room.later(901)

    assert len(door.mails) == 1
    last = (await post_room.published())[-1]
    assert isinstance(last, EmailOutcomeUnknown)
    assert last.resend_in_seconds is None


async def test_a_void_that_is_committed_while_the_document_is_fetched_stops_the_mail(post_room: PostRoom) -> None:
    fetch = post_room.documents.fetch

    async def voided_meanwhile(*arguments: object, **named: object) -> bytes:
        await post_room.database.fetch(
            "update notification.invoice_facts set voided = true where invoice_id = $1", make.INVOICE_ID
        )
        return await fetch(*arguments, **named)  # type: ignore[arg-type]

    post_room.documents.fetch = voided_meanwhile  # type: ignore[method-assign]
    await post_room.hear(BY_HAND)

    await post_room.work()

    assert post_room.mails == []
    assert await post_room.mail_state() == "dropped"


async def test_an_older_word_about_a_mail_that_comes_late_does_not_bring_back_an_old_void(post_room: PostRoom) -> None:
    door = scripted(post_room, rcpt=[GREYLISTED])
    await post_room.hear(make.void_requested(), sequence=5)
    await post_room.hear(make.collection_changed(), sequence=9)
    await post_room.work()

    await post_room.hear(make.invoice_sent(), sequence=1)
    await post_room.later(61)

    assert len(door.mails) == 1


async def test_a_retry_after_the_link_was_overtaken_carries_the_newest(post_room: PostRoom) -> None:
    door = scripted(post_room, rcpt=[GREYLISTED])
    await post_room.hear(make.invoice_sent(), make.link_created(attempt=1))
    await post_room.work()

    await post_room.hear(make.link_created(attempt=2))
    await post_room.later(61)

    [mail] = door.mails
    assert b"test_attempt2" in mail.content


async def test_invoice_service_down_only_delays_the_mail(post_room: PostRoom) -> None:
    post_room.documents.failures.extend(outages(3))
    await post_room.hear(BY_HAND)

    await post_room.work()
    for _ in range(3):
        await post_room.later(60)

    assert len(post_room.mails) == 1
    assert await post_room.parked() == []


async def test_wrong_bytes_are_never_mailed_and_are_parked_in_the_end(post_room: PostRoom) -> None:
    right = post_room.documents.stored[make.DOCUMENT_ID]
    post_room.documents.stored[make.DOCUMENT_ID] = b"%PDF-1.7 something else"
    await post_room.hear(BY_HAND)

    await post_room.work()
    for _ in range(3):
        await post_room.later(700)

    assert post_room.mails == []
    [reason] = await post_room.parked()
    assert "gave up" in reason
    post_room.documents.stored[make.DOCUMENT_ID] = right


async def test_bytes_that_become_right_in_time_are_mailed(post_room: PostRoom) -> None:
    right = post_room.documents.stored.pop(make.DOCUMENT_ID)
    await post_room.hear(BY_HAND)
    await post_room.work()

    post_room.documents.stored[make.DOCUMENT_ID] = right
    await post_room.later(60)

    assert len(post_room.mails) == 1


async def test_a_kind_of_mail_without_words_is_parked_with_its_reason(post_room: PostRoom) -> None:
    await post_room.hear(make.mail_requested(mail=make.mail(kind=MailKind.RECEIPT, mail_id=make.RESEND_ID)))

    await post_room.work()

    [reason] = await post_room.parked()
    assert "receipt" in reason
    assert post_room.mails == []


def test_the_scale_shortens_every_wait() -> None:
    policy = retry_policy(scale=0.001, unknown_wait_seconds=2)

    waits = list(chain(policy.delays, [policy.give_up_after, policy.unknown_wait]))

    assert [wait.total_seconds() for wait in waits] == pytest.approx([0.06, 0.3, 0.9, 3.6, 7.2, 14.4, 172.8, 2])
