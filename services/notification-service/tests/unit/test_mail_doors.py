"""One contract for both mail doors: the one in memory and the real one against a scripted server."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import AsyncExitStack

import pytest
from notification_service.domain.smtp_replies import Outcome
from notification_service.mail_gateway import MailDoor, MailGateway, MailServer, OutgoingMail, Security
from notification_tests.fakes import (
    Cut,
    FakeMailDoor,
    Hang,
    ReceivedMail,
    Reply,
    Script,
    ScriptedMailServer,
    Slow,
    Step,
    serving,
)

ANNA, BERND, CLARA = "anna@one.example", "bernd@two.example", "clara@three.example"
MAIL = OutgoingMail(
    sender="out@central.example", recipients=(ANNA, BERND), content=b"Subject: x\r\n\r\n.dot\r\nend\r\n"
)

Opened = tuple[MailDoor, list[ReceivedMail]]
Open = Callable[[Script], Awaitable[Opened]]


@pytest.fixture(params=["in memory", "over SMTP"])
async def open_door(request: pytest.FixtureRequest) -> AsyncIterator[Open]:
    async with AsyncExitStack() as stack:

        async def opened(script: Script) -> Opened:
            if request.param == "in memory":
                door = FakeMailDoor(script)
                return door, door.mails
            server = await stack.enter_async_context(serving(ScriptedMailServer(script)))
            gateway = MailGateway(
                MailServer(
                    host="127.0.0.1",
                    port=server.port,
                    security=Security.NONE,
                    hello_name="central.example",
                    command_seconds=0.4,
                    data_seconds=0.4,
                )
            )
            stack.push_async_callback(gateway.close)
            return gateway, server.mails

        yield opened


def outcomes(verdicts: Mapping[str, object]) -> dict[str, Outcome]:
    return {name: verdict.outcome for name, verdict in verdicts.items()}  # type: ignore[attr-defined]


async def test_a_mail_is_taken_for_everybody(open_door: Open) -> None:
    door, mails = await open_door(Script())

    verdicts = await door.send(MAIL)

    assert outcomes(verdicts) == {ANNA: Outcome.ACCEPTED, BERND: Outcome.ACCEPTED}
    assert mails == [ReceivedMail(MAIL.sender, (ANNA, BERND), MAIL.content)]


async def test_one_refused_recipient_does_not_keep_the_mail_from_the_other(open_door: Open) -> None:
    door, mails = await open_door(Script({f"rcpt:{ANNA}": [Reply("550 5.1.1 No such user")]}))

    verdicts = await door.send(MAIL)

    assert outcomes(verdicts) == {ANNA: Outcome.REFUSED, BERND: Outcome.ACCEPTED}
    assert verdicts[ANNA].words == "550 5.1.1 No such user"
    assert [mail.recipients for mail in mails] == [(BERND,)]


async def test_a_greylisted_recipient_waits_while_the_other_has_it(open_door: Open) -> None:
    door, mails = await open_door(Script({f"rcpt:{ANNA}": [Reply("451 4.7.1 Greylisted, try again")]}))

    first = await door.send(MAIL)
    second = await door.send(OutgoingMail(sender=MAIL.sender, recipients=(ANNA,), content=MAIL.content))

    assert outcomes(first) == {ANNA: Outcome.DEFERRED, BERND: Outcome.ACCEPTED}
    assert outcomes(second) == {ANNA: Outcome.ACCEPTED}
    assert [mail.recipients for mail in mails] == [(BERND,), (ANNA,)]


@pytest.mark.parametrize(
    ("verb", "step", "expected"),
    [
        ("connect", Reply("421 4.3.2 Too busy"), Outcome.DEFERRED),
        ("connect", Reply("554 5.7.1 Go away"), Outcome.DEFERRED),
        ("connect", Hang(), Outcome.DEFERRED),
        ("connect", Cut(), Outcome.DEFERRED),
        ("ehlo", Cut(), Outcome.DEFERRED),
        ("mail", Reply("451 4.3.0 Later"), Outcome.DEFERRED),
        ("mail", Reply("421 4.3.2 Closing"), Outcome.DEFERRED),
        ("mail", Reply("550 5.7.1 Sender refused"), Outcome.REFUSED),
        ("mail", Hang(), Outcome.DEFERRED),
        ("rcpt", Hang(), Outcome.DEFERRED),
        ("rcpt", Cut(), Outcome.DEFERRED),
        ("rcpt", Reply("421 4.3.2 Closing"), Outcome.DEFERRED),
        ("data", Reply("451 4.3.0 Later"), Outcome.DEFERRED),
        ("data", Reply("554 5.5.1 No"), Outcome.REFUSED),
        ("data", Cut(), Outcome.DEFERRED),
        ("data", Hang(), Outcome.DEFERRED),
        ("content", Reply("452 4.3.1 Disk full"), Outcome.DEFERRED),
        ("content", Reply("552 5.3.4 Too big"), Outcome.REFUSED),
        ("content", Cut(), Outcome.UNCERTAIN),
        ("content", Cut(took=True), Outcome.UNCERTAIN),
        ("content", Hang(), Outcome.UNCERTAIN),
    ],
    ids=str,
)
async def test_each_fault_at_each_verb_has_one_meaning(
    open_door: Open, verb: str, step: Step, expected: Outcome
) -> None:
    door, mails = await open_door(Script({verb: [step]}))
    alone = OutgoingMail(sender=MAIL.sender, recipients=(ANNA,), content=MAIL.content)

    verdicts = await door.send(alone)

    assert outcomes(verdicts) == {ANNA: expected}
    assert verdicts[ANNA].words
    assert len(mails) == (1 if step == Cut(took=True) else 0)


async def test_after_any_fault_the_next_mail_goes_out(open_door: Open) -> None:
    script = Script({"rcpt": [Cut()], "content": [Cut(), Hang()], "mail": [Reply("421 4.3.2 Closing")]})
    door, mails = await open_door(script)
    faults = [await door.send(MAIL) for _ in range(4)]

    verdicts = await door.send(MAIL)

    assert all(verdict.outcome is not Outcome.ACCEPTED for fault in faults for verdict in fault.values())
    assert outcomes(verdicts) == {ANNA: Outcome.ACCEPTED, BERND: Outcome.ACCEPTED}
    assert len(mails) == 1


async def test_a_connection_lost_between_recipients_keeps_what_was_already_refused(open_door: Open) -> None:
    script = Script({f"rcpt:{ANNA}": [Reply("550 5.1.1 No such user")], f"rcpt:{BERND}": [Cut()]})
    door, mails = await open_door(script)

    verdicts = await door.send(MAIL)

    assert outcomes(verdicts) == {ANNA: Outcome.REFUSED, BERND: Outcome.DEFERRED}
    assert mails == []


async def test_a_slow_answer_within_the_limit_is_an_answer(open_door: Open) -> None:
    door, mails = await open_door(Script({"content": [Slow(0.2)]}))

    verdicts = await door.send(MAIL)

    assert set(outcomes(verdicts).values()) == {Outcome.ACCEPTED}
    assert len(mails) == 1


async def test_many_mails_at_once_all_arrive(open_door: Open) -> None:
    door, mails = await open_door(Script())
    batch = [OutgoingMail(MAIL.sender, (f"r{place}@x.example",), MAIL.content) for place in range(20)]

    results = await asyncio.gather(*(door.send(mail) for mail in batch))

    assert all(verdict.outcome is Outcome.ACCEPTED for verdicts in results for verdict in verdicts.values())
    assert sorted(mail.recipients for mail in mails) == sorted(mail.recipients for mail in batch)
