"""The process ends at each boundary of sending, another one takes over: nothing is lost, and doubt is counted."""

from collections.abc import Iterator

import pytest
from contracts.events.notification import EmailOutcomeUnknown, EmailSent
from notification_service.mail_gateway import MailGateway, MailServer, Security
from notification_tests import make
from notification_tests.fakes import ScriptedMailServer, serving
from notification_tests.post_room import PostRoom
from service_kit import crash_points
from service_kit.testing.waiting import run_until

BEFORE_SENDING = ("mail.before_reserve",)
WHILE_SENDING = (
    "mail.after_reserve",
    "mail.before_connect",
    "mail.after_connect",
    "mail.before_data",
    "mail.before_content",
    "mail.after_data",
    "mail.before_record",
)
AFTERWARDS = ("mail.after_record",)
HANDED_OVER = ("mail.after_data", "mail.before_record")


class Killed(BaseException):
    """Ends a task as a killed process would: nothing after it runs, and no failure is recorded."""


class KillOnce:
    def __init__(self, name: str) -> None:
        self.name = name
        self.seen: list[str] = []
        self.done = False

    def __call__(self, name: str) -> None:
        self.seen.append(name)
        if name == self.name and not self.done:
            self.done = True
            raise Killed(name)


@pytest.fixture(autouse=True)
def no_crashes_left_behind() -> Iterator[None]:
    yield
    crash_points.install(None)


def gateway(server: ScriptedMailServer) -> MailGateway:
    return MailGateway(
        MailServer(host="127.0.0.1", port=server.port, security=Security.NONE, hello_name="central.example")
    )


async def killed_at(post_room: PostRoom, server: ScriptedMailServer, name: str) -> None:
    """Work until the process is killed at ``name``, then let another one take over."""
    post_room.door = gateway(server)
    kill = KillOnce(name)
    crash_points.install(kill)
    await post_room.hear(make.invoice_sent_by_hand())
    async with post_room.working():
        await run_until(lambda: kill.done)
    post_room.door = gateway(server)
    await post_room.work()


async def test_every_boundary_of_sending_is_announced(post_room: PostRoom) -> None:
    watch = KillOnce("")
    crash_points.install(watch)

    async with serving(ScriptedMailServer()) as server:
        post_room.door = gateway(server)
        await post_room.hear(make.invoice_sent_by_hand())
        await post_room.work()

    assert {name for name in watch.seen if name.startswith("mail.")} == {*BEFORE_SENDING, *WHILE_SENDING, *AFTERWARDS}


@pytest.mark.parametrize("name", [*BEFORE_SENDING, *AFTERWARDS])
async def test_killed_outside_of_sending_there_is_one_mail_and_no_doubt(post_room: PostRoom, name: str) -> None:
    async with serving(ScriptedMailServer()) as server:
        await killed_at(post_room, server, name)

        assert len(server.mails) == 1
    [sent] = await post_room.published()
    assert isinstance(sent, EmailSent)
    assert not sent.duplicate_possible


@pytest.mark.parametrize("name", WHILE_SENDING)
async def test_killed_while_sending_the_outcome_is_unknown_and_it_goes_again_once(
    post_room: PostRoom, name: str
) -> None:
    async with serving(ScriptedMailServer()) as server:
        await killed_at(post_room, server, name)
        state = await post_room.mail_state()

        await post_room.later(901)

        copies = len(server.mails)
        contents = {mail.content for mail in server.mails}
    assert state == "unknown"
    assert copies == (2 if name in HANDED_OVER else 1)
    assert len(contents) == 1
    unknown, sent = await post_room.published()
    assert isinstance(unknown, EmailOutcomeUnknown)
    assert isinstance(sent, EmailSent)
    assert sent.duplicate_possible
    assert await post_room.mail_state() == "sent"
