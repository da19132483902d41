"""Mails about accounts over the real database: who gets what, once, what is said of it, and that no secret stays."""

import asyncio
import re
from collections.abc import Mapping
from email import message_from_bytes, policy

import pytest
import structlog.testing
from contracts.events.accounts import AccountMailKind, AccountMailRequested
from contracts.events.notification import AccountMailOutcome, AccountMailSettled
from notification_service.account_secrets_gateway import AccountMailMoot, UnusableSecret
from notification_service.domain.smtp_replies import Verdict, verdict_of_reply, verdict_of_silence
from notification_service.mail_gateway import OutgoingMail
from notification_tests import make
from notification_tests.fakes import Cut, FakeMailDoor, Reply, Script, Step
from notification_tests.post_room import DOMAIN, FakeAccountSecrets, PostRoom, outages
from service_kit.database import run_sql
from service_kit.identifiers import new_id

LINK_OF_A_TEST = "https://invoices.nordlicht.example/invitation/CANARY"
"""Without the shape of our secrets, so that no redaction could hide it."""


def settled(outcome: AccountMailOutcome, *, reason: str = "", **changes: object) -> AccountMailSettled:
    made = AccountMailSettled(
        organization_id=make.ORGANIZATION_ID,
        mail_id=make.ACCOUNT_MAIL_ID,
        kind=AccountMailKind.INVITATION,
        outcome=outcome,
        reason=reason,
    )
    return made.model_copy(update=changes)


def scripted(post_room: PostRoom, **steps: list[Step]) -> FakeMailDoor:
    door = FakeMailDoor(Script(steps))
    post_room.door = door
    return door


def text_of(content: bytes) -> str:
    part = message_from_bytes(content, policy=policy.default).get_body(("plain",))
    assert part is not None
    return str(part.get_content())


def message_id(content: bytes) -> str:
    return str(message_from_bytes(content, policy=policy.default)["Message-ID"])


async def last_errors(post_room: PostRoom) -> list[str]:
    """Of what is parked."""
    rows = await post_room.database.fetch("select last_error from notification.inbox where state = 'parked'")
    return [row["last_error"] for row in rows]


async def everything_stored(post_room: PostRoom) -> str:
    """Every row of every table of the schema, as text."""
    tables = await post_room.database.fetch(
        "select quote_ident(relname) as name from pg_class "
        "where relnamespace = 'notification'::regnamespace and relkind = 'r'"
    )
    assert {"mails", "deliveries", "inbox", "outbox"} <= {row["name"] for row in tables}
    found = [
        await post_room.database.fetch(f"select t::text as row from notification.{table['name']} t") for table in tables
    ]
    return "\n".join(row["row"] for rows in found for row in rows)


async def test_an_invitation_goes_at_once_with_its_link_and_is_told_of_once(post_room: PostRoom) -> None:
    await post_room.hear(make.account_mail())

    await post_room.work()

    [mail] = post_room.mails
    assert mail.recipients == ("noor@nordlicht.example",)
    assert post_room.secrets.minted[0] in text_of(mail.content)
    assert message_id(mail.content) == f"<mail_01j0000000e008000000000007@{DOMAIN}>"
    assert await post_room.mail_state(make.ACCOUNT_MAIL_ID) == "sent"
    assert await post_room.published() == [settled(AccountMailOutcome.SENT)]


async def test_a_notice_asks_for_no_secret(post_room: PostRoom) -> None:
    await post_room.hear(make.password_changed())

    await post_room.work()

    assert len(post_room.mails) == 1
    assert post_room.secrets.asked == 0
    assert await post_room.published() == [settled(AccountMailOutcome.SENT, kind=AccountMailKind.PASSWORD_CHANGED)]


class QuotingDoor(FakeMailDoor):
    """Answers with each of ``codes`` in turn, and quotes the link that it dislikes; 0 takes the mail and hangs up."""

    def __init__(self, *codes: int) -> None:
        super().__init__()
        self.codes = list(codes)

    async def send(self, mail: OutgoingMail) -> Mapping[str, Verdict]:
        if not self.codes:
            return await super().send(mail)
        code = self.codes.pop(0)
        [link] = re.findall(r"https://\S*CANARY\S*", text_of(mail.content))
        words = f"5.7.1 Blocked: {link} is listed"
        answer = verdict_of_reply(code, words) if code else verdict_of_silence(words, content_handed_over=True)
        return dict.fromkeys(mail.recipients, answer)


@pytest.mark.parametrize(
    ("codes", "tries"),
    [((), 1), ((451, 451), 3), ((550,), 1), ((0, 550), 2), ((0, 0), 2)],
    ids=["sent", "put off twice", "refused", "in doubt, then refused", "in doubt twice"],
)
async def test_no_row_no_log_line_and_no_event_holds_the_secret(
    post_room: PostRoom, codes: tuple[int, ...], tries: int, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    post_room.account_secrets = FakeAccountSecrets(page=LINK_OF_A_TEST)
    post_room.door = QuotingDoor(*codes)
    await post_room.hear(make.account_mail())

    with structlog.testing.capture_logs() as lines:
        await post_room.work()
        await post_room.later(301)
        await post_room.later(901)

    kept = f"{await everything_stored(post_room)}\n{lines}\n{caplog.text}"
    assert len(post_room.secrets.minted) == tries
    assert "Nordlicht Studio" in kept
    assert "mail_tried" in kept
    assert "CANARY" not in kept
    for url in post_room.secrets.minted:
        assert url.removeprefix(LINK_OF_A_TEST)[:8] not in kept


async def test_what_a_server_says_is_kept_unless_it_quotes_the_link(post_room: PostRoom) -> None:
    scripted(post_room, content=[Reply("550 5.1.1 No such mailbox")])
    await post_room.hear(make.account_mail())

    await post_room.work()

    assert await post_room.published() == [settled(AccountMailOutcome.FAILED, reason="550 5.1.1 No such mailbox")]


async def test_a_mail_without_a_purpose_is_dropped_and_never_tried_again(post_room: PostRoom) -> None:
    post_room.secrets.failures.append(AccountMailMoot("withdrawn"))
    await post_room.hear(make.account_mail())

    await post_room.work()
    await post_room.later(7200)

    assert post_room.mails == []
    assert post_room.secrets.asked == 1
    assert await post_room.parked() == []
    assert await post_room.mail_state(make.ACCOUNT_MAIL_ID) == "dropped"
    [told] = await post_room.published()
    assert told == settled(
        AccountMailOutcome.DROPPED, reason="not sent: what it was for was used, withdrawn or overtaken"
    )


async def test_a_mail_that_lost_its_purpose_while_it_waited_is_dropped(post_room: PostRoom) -> None:
    scripted(post_room, rcpt=[Reply("450 4.7.1 Greylisted")])
    await post_room.hear(make.account_mail())
    await post_room.work()

    post_room.secrets.failures.append(AccountMailMoot("accepted"))
    await post_room.later(61)

    assert post_room.mails == []
    assert [event.outcome for event in await post_room.published()] == ["dropped"]  # type: ignore[attr-defined]


async def test_a_doubtful_mail_that_lost_its_purpose_stays_doubtful_and_is_not_sent_again(post_room: PostRoom) -> None:
    door = scripted(post_room, content=[Cut(took=True)])
    await post_room.hear(make.account_mail())
    await post_room.work()

    post_room.secrets.failures.append(AccountMailMoot("accepted"))
    await post_room.later(901)
    await post_room.later(901)

    assert len(door.mails) == 1
    assert await post_room.mail_state(make.ACCOUNT_MAIL_ID) == "unknown"
    assert [event.outcome for event in await post_room.published()] == ["unknown"]  # type: ignore[attr-defined]


async def test_a_mail_that_invoice_service_does_not_know_is_parked_after_a_short_time(post_room: PostRoom) -> None:
    post_room.secrets.known.clear()
    await post_room.hear(make.account_mail())

    await post_room.work()
    for _ in range(3):
        await post_room.later(301)

    assert post_room.mails == []
    assert await last_errors(post_room) == ["not there"]


async def test_a_release_that_learns_of_the_way_in_time_gets_the_mail_out(post_room: PostRoom) -> None:
    post_room.secrets.known.clear()
    await post_room.hear(make.account_mail())
    await post_room.work()

    post_room.secrets.known.add(make.ACCOUNT_MAIL_ID)
    await post_room.later(60)

    assert len(post_room.mails) == 1


async def test_invoice_service_down_for_an_hour_only_delays_the_mail(post_room: PostRoom) -> None:
    post_room.secrets.failures.extend(outages(6))
    await post_room.hear(make.account_mail())

    await post_room.work()
    for _ in range(6):
        await post_room.later(600)

    assert len(post_room.mails) == 1
    assert await post_room.parked() == []


@pytest.mark.parametrize("page", ["https://evil.example/invitation/", "http://invoices.nordlicht.example/invitation/"])
async def test_an_address_at_another_place_than_the_sign_in_page_is_never_mailed(
    post_room: PostRoom, page: str
) -> None:
    post_room.account_secrets = FakeAccountSecrets(page=page)
    await post_room.hear(make.account_mail())

    await post_room.work()
    for _ in range(3):
        await post_room.later(301)

    assert post_room.mails == []
    [error] = await last_errors(post_room)
    assert "leads to another place" in error
    assert page not in await everything_stored(post_room)


async def test_an_unusable_answer_is_never_mailed(post_room: PostRoom) -> None:
    post_room.secrets.failures.extend(UnusableSecret("something else") for _ in range(50))
    await post_room.hear(make.account_mail())

    await post_room.work()
    for _ in range(3):
        await post_room.later(301)

    assert post_room.mails == []
    assert len(await post_room.parked()) == 1


async def test_a_sign_in_address_that_is_none_is_parked_before_anything_is_minted(post_room: PostRoom) -> None:
    await post_room.hear(make.account_mail(sign_in_url="javascript:alert(1)"))

    await post_room.work()

    assert (post_room.mails, post_room.secrets.asked) == ([], 0)
    [reason] = await post_room.parked()
    assert "sign-in address" in reason


async def test_a_retry_carries_another_secret_under_the_same_identity(post_room: PostRoom) -> None:
    door = scripted(post_room, content=[Cut(took=True)])
    await post_room.hear(make.account_mail())
    await post_room.work()

    await post_room.later(901)

    first, second = door.mails
    old, new = post_room.secrets.minted
    assert old in text_of(first.content)
    assert new in text_of(second.content)
    assert message_id(first.content) == message_id(second.content)
    assert await post_room.published() == [
        settled(AccountMailOutcome.UNKNOWN, reason="the connection was lost"),
        settled(AccountMailOutcome.SENT),
    ]


async def test_a_second_doubt_is_no_news_and_nothing_goes_a_third_time(post_room: PostRoom) -> None:
    door = scripted(post_room, content=[Cut(took=True), Cut(took=True)])
    await post_room.hear(make.account_mail())

    await post_room.work()
    await post_room.later(901)
    await post_room.later(901)

    assert len(door.mails) == 2
    assert [event.outcome for event in await post_room.published()] == ["unknown"]  # type: ignore[attr-defined]


async def test_the_same_event_fifty_times_over_two_workers_brings_one_mail(post_room: PostRoom) -> None:
    event_id = new_id()

    async with post_room.working(), post_room.working():
        await asyncio.gather(*(post_room.hear(make.account_mail(), event_id=event_id) for _ in range(25)))
        await asyncio.gather(*(post_room.hear(make.account_mail()) for _ in range(25)))
    await post_room.work()

    assert len(post_room.mails) == 1
    assert len(post_room.secrets.minted) == 1
    assert await post_room.published() == [settled(AccountMailOutcome.SENT)]


@pytest.mark.parametrize("to", ["nobody at all", "a@x.example, b@y.example", "a@x.example\nBcc: v@x.example"])
async def test_an_address_that_no_server_takes_fails_at_once_and_mints_nothing(post_room: PostRoom, to: str) -> None:
    await post_room.hear(make.account_mail(to=to))

    await post_room.work()

    assert (post_room.mails, post_room.secrets.asked) == ([], 0)
    [told] = await post_room.published()
    assert isinstance(told, AccountMailSettled)
    assert (told.outcome, bool(told.reason)) == (AccountMailOutcome.FAILED, True)


async def test_a_mail_to_nobody_is_parked(post_room: PostRoom) -> None:
    await post_room.hear(make.account_mail(to=" "))

    await post_room.work()

    assert post_room.mails == []
    assert len(await post_room.parked()) == 1


async def test_another_organisation_never_sees_the_mail(post_room: PostRoom) -> None:
    await post_room.hear(make.account_mail())
    await post_room.work()

    async with post_room.database.open("notification").transaction(organization_id=new_id()) as session:
        seen = [
            (await run_sql(session, f"select count(*) from {name}")).scalar_one() for name in ("mails", "deliveries")
        ]

    assert seen == [0, 0]


async def test_the_same_mail_id_in_two_organisations_is_two_mails(post_room: PostRoom) -> None:
    events: list[AccountMailRequested] = [make.account_mail(), make.account_mail(organization_id=new_id())]
    await post_room.hear(*events)

    await post_room.work()

    assert len(post_room.mails) == 2
