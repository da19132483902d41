"""The process ends at each boundary of sending, another one takes over: nothing is lost, and doubt is counted."""

from collections.abc import Iterator
from email import message_from_bytes

import pytest
from contracts.events.notification import EmailOutcomeUnknown, EmailSent
from notification_tests import make
from notification_tests.fakes import ScriptedMailServer, serving
from notification_tests.killing import (
    AFTERWARDS,
    BEFORE_SENDING,
    HANDED_OVER,
    WHILE_SENDING,
    KillOnce,
    gateway,
    killed_at,
)
from notification_tests.post_room import PostRoom
from service_kit import crash_points


@pytest.fixture(autouse=True)
def no_crashes_left_behind() -> Iterator[None]:
    yield
    crash_points.install(None)


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
        await killed_at(post_room, server, name, make.invoice_sent_by_hand())

        assert len(server.mails) == 1
    [sent] = await post_room.published()
    assert isinstance(sent, EmailSent)
    assert not sent.duplicate_possible


@pytest.mark.parametrize("name", WHILE_SENDING)
async def test_killed_while_sending_the_outcome_is_unknown_and_it_goes_again_once(
    post_room: PostRoom, name: str
) -> None:
    async with serving(ScriptedMailServer()) as server:
        await killed_at(post_room, server, name, make.invoice_sent_by_hand())
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


@pytest.mark.parametrize("name", [*BEFORE_SENDING, *AFTERWARDS])
async def test_killed_outside_of_sending_an_account_mail_goes_once(post_room: PostRoom, name: str) -> None:
    async with serving(ScriptedMailServer()) as server:
        await killed_at(post_room, server, name, make.account_mail())

        assert len(server.mails) == 1
    assert [event.outcome for event in await post_room.published()] == ["sent"]  # type: ignore[attr-defined]
    assert len(post_room.secrets.minted) == (2 if name in BEFORE_SENDING else 1)


@pytest.mark.parametrize("name", WHILE_SENDING)
async def test_killed_while_sending_an_account_mail_goes_again_once_with_another_secret(
    post_room: PostRoom, name: str
) -> None:
    async with serving(ScriptedMailServer()) as server:
        await killed_at(post_room, server, name, make.account_mail())

        await post_room.later(901)

        contents = [mail.content for mail in server.mails]
    assert len(contents) == (2 if name in HANDED_OVER else 1)
    assert len({message_from_bytes(content)["Message-ID"] for content in contents}) == 1
    assert len(post_room.secrets.minted) == len(set(post_room.secrets.minted)) == 2
    assert [event.outcome for event in await post_room.published()] == ["unknown", "sent"]  # type: ignore[attr-defined]
