"""From the events to the mail, over the real database: who gets what, once, and what is said about it."""

import asyncio
from email import message_from_bytes, policy
from email.message import EmailMessage
from itertools import permutations

import pytest
from contracts.event import Event
from contracts.events.invoice import CollectionMethod
from contracts.events.notification import EmailFailed, EmailSent
from notification_tests import make
from notification_tests.post_room import DOMAIN, PostRoom
from service_kit.identifiers import new_id

STRIPE_HOST = "buy.stripe.com"


def read(content: bytes) -> EmailMessage:
    message = message_from_bytes(content, policy=policy.default)
    assert isinstance(message, EmailMessage)
    return message


def parts(content: bytes) -> tuple[str, str]:
    message = read(content)
    text, html = message.get_body(("plain",)), message.get_body(("html",))
    assert text is not None
    assert html is not None
    return text.get_content(), html.get_content()


async def test_an_invoice_by_hand_is_mailed_at_once_without_any_stripe_address(post_room: PostRoom) -> None:
    await post_room.hear(make.invoice_sent_by_hand())

    await post_room.work()

    [mail] = post_room.mails
    text, html = parts(mail.content)
    assert "stripe" not in (text + html).lower()
    assert make.DURABLE_URL not in text + html
    assert "DE02 4306 0967 0123 4567 89" in text
    assert mail.recipients == ("dolores@harborstreet.example",)
    assert await post_room.published() == [
        EmailSent(
            organization_id=make.ORGANIZATION_ID,
            invoice_id=make.INVOICE_ID,
            mail_id=make.MAIL_ID,
            kind=make.mail().kind,
            message_id=f"<mail_01j0000000e008000000000004@{DOMAIN}>",
            recipients=("dolores@harborstreet.example",),
        )
    ]


@pytest.mark.parametrize("link_first", [False, True])
async def test_an_invoice_by_stripe_waits_for_its_link_whichever_comes_first(
    post_room: PostRoom, link_first: bool
) -> None:
    first, second = make.invoice_sent(), make.link_created()
    if link_first:
        first, second = second, first  # type: ignore[assignment]
    await post_room.hear(first)
    await post_room.work()
    before = len(post_room.mails)

    await post_room.hear(second)
    await post_room.work()

    assert before == 0
    [mail] = post_room.mails
    text, html = parts(mail.content)
    address = f"{make.STRIPE_URL}?prefilled_email=dolores%40harborstreet.example&locale=en"
    assert address in text
    assert f'href="{address.replace("&", "&amp;")}"' in html
    assert make.DURABLE_URL in text
    assert f'href="{make.DURABLE_URL}"' in html
    assert await post_room.mail_state() == "sent"


async def test_the_same_events_fifty_times_bring_one_mail(post_room: PostRoom) -> None:
    event_ids = new_id(), new_id()

    async with post_room.working():
        await asyncio.gather(
            *(post_room.hear(make.invoice_sent(), event_id=event_ids[0], sequence=1) for _ in range(50)),
            *(post_room.hear(make.link_created(), event_id=event_ids[1], sequence=1) for _ in range(50)),
        )
    await post_room.work()

    assert len(post_room.mails) == 1
    assert len(await post_room.published()) == 1


async def test_the_same_facts_under_new_event_ids_bring_one_mail(post_room: PostRoom) -> None:
    await post_room.hear(*[make.invoice_sent() for _ in range(10)], *[make.link_created() for _ in range(10)])

    await post_room.work()

    assert len(post_room.mails) == 1


async def test_a_link_that_was_overtaken_before_sending_is_not_mailed(post_room: PostRoom) -> None:
    await post_room.hear(make.link_created(attempt=2), make.link_created(attempt=1), make.invoice_sent())

    await post_room.work()

    [mail] = post_room.mails
    text, html = parts(mail.content)
    assert "test_attempt2" in text
    assert make.STRIPE_URL not in text + html


async def test_an_older_link_than_the_one_ordered_does_not_release_the_mail(post_room: PostRoom) -> None:
    await post_room.hear(make.invoice_sent(link=make.link_order(attempt=2)), make.link_created(attempt=1))

    await post_room.work()

    assert post_room.mails == []
    assert await post_room.mail_state() == "waiting"


async def test_sent_manually_instead_turns_the_waiting_mail_into_one_by_hand(post_room: PostRoom) -> None:
    await post_room.hear(make.invoice_sent())
    await post_room.work()

    await post_room.hear(make.collection_changed())
    await post_room.hear(make.link_created())
    await post_room.work()

    [mail] = post_room.mails
    text, html = parts(mail.content)
    assert "stripe" not in (text + html).lower()
    assert "IBAN" in text


@pytest.mark.parametrize("order", list(permutations(range(3))), ids=str)
async def test_switching_by_hand_gives_the_same_mail_in_every_order(
    post_room: PostRoom, order: tuple[int, ...]
) -> None:
    told: list[tuple[Event, int]] = [
        (make.invoice_sent(), 1),
        (make.collection_changed(), 2),
        (make.link_created(), 7),
    ]
    for place in order:
        await post_room.hear(told[place][0], sequence=told[place][1])

    await post_room.work()

    assert len(post_room.mails) == 1
    rows = await post_room.database.fetch("select collection_method, payment_url from notification.mails")
    assert [tuple(row) for row in rows] == [("manual", "")]


async def test_an_older_change_of_method_does_not_undo_a_newer_one(post_room: PostRoom) -> None:
    by_stripe = make.collection_changed(
        version=3,
        collection_method=CollectionMethod.STRIPE,
        link=make.link_order(attempt=2),
        mail=None,
        attempt=2,
    )
    await post_room.hear(make.invoice_sent(), sequence=1)
    await post_room.hear(by_stripe, sequence=9)
    await post_room.work()

    await post_room.hear(make.collection_changed(version=2, mail=None), sequence=5)
    await post_room.work()

    assert post_room.mails == []
    await post_room.hear(make.link_created(attempt=2))
    await post_room.work()
    assert "test_attempt2" in parts(post_room.mails[0].content)[0]


@pytest.mark.parametrize("end", [make.void_requested(), make.voided()], ids=lambda event: event.event_type)
async def test_a_waiting_mail_is_dropped_when_the_invoice_ends_and_says_so(post_room: PostRoom, end: Event) -> None:
    await post_room.hear(make.invoice_sent())
    await post_room.work()

    await post_room.hear(end)
    await post_room.hear(make.link_created())
    await post_room.work()

    assert post_room.mails == []
    assert await post_room.mail_state() == "dropped"
    [failed] = await post_room.published()
    assert isinstance(failed, EmailFailed)
    assert failed.recipients[0].reason.startswith("not sent: the invoice is ")


async def test_a_void_that_is_known_before_the_invoice_stops_its_mail(post_room: PostRoom) -> None:
    await post_room.hear(make.voided(), sequence=3)
    await post_room.hear(make.invoice_sent_by_hand(), sequence=1)

    await post_room.work()

    assert post_room.mails == []
    assert await post_room.mail_state() == "dropped"


async def test_a_resend_after_a_void_that_lost_against_a_payment_goes_out(post_room: PostRoom) -> None:
    await post_room.hear(make.void_requested(), sequence=4)
    await post_room.hear(make.mail_requested(collection_method=CollectionMethod.MANUAL), sequence=6)

    await post_room.work()

    assert len(post_room.mails) == 1


async def test_a_resend_is_a_mail_of_its_own(post_room: PostRoom) -> None:
    await post_room.hear(make.invoice_sent(), make.link_created())
    await post_room.work()

    await post_room.hear(make.mail_requested())
    await post_room.work()

    first, second = (read(mail.content)["Message-ID"] for mail in post_room.mails)
    assert first != second
    assert await post_room.mail_state(make.RESEND_ID) == "sent"


async def test_a_resend_of_an_overtaken_link_carries_the_newest(post_room: PostRoom) -> None:
    await post_room.hear(make.link_created(attempt=1), make.link_created(attempt=2))

    await post_room.hear(make.mail_requested(payment_url=make.STRIPE_URL))
    await post_room.work()

    assert "test_attempt2" in parts(post_room.mails[0].content)[0]


async def test_copies_go_out_in_the_same_mail(post_room: PostRoom) -> None:
    mail = make.mail(to=("a@x.example",), cc=("b@y.example", "A@X.example"), durable_url="")
    await post_room.hear(make.invoice_sent_by_hand(mail=mail))

    await post_room.work()

    [sent] = post_room.mails
    assert sent.recipients == ("a@x.example", "b@y.example")
    assert read(sent.content)["Cc"] == "b@y.example, A@x.example"


async def test_a_broken_address_fails_at_once_and_does_not_stop_the_others(post_room: PostRoom) -> None:
    mail = make.mail(to=("nobody at all", "a@x.example"), durable_url="")
    await post_room.hear(make.invoice_sent_by_hand(mail=mail))

    await post_room.work()

    assert await post_room.deliveries() == {"nobody at all": "failed", "a@x.example": "sent"}
    failed, sent = await post_room.published()
    assert isinstance(failed, EmailFailed)
    assert isinstance(sent, EmailSent)
    assert failed.recipients[0].address == "nobody at all"


async def test_another_organisations_events_never_meet_ours(post_room: PostRoom) -> None:
    other = new_id()
    await post_room.hear(make.invoice_sent())
    await post_room.hear(make.link_created(organization_id=other))

    await post_room.work()

    assert post_room.mails == []
    assert await post_room.mail_state() == "waiting"
