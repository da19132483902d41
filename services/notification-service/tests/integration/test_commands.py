"""The commands for people, as processes run them: their answers are JSON, their refusals say why."""

import asyncio
import json
from collections.abc import Awaitable, Callable

import pytest
from notification_service import cli
from notification_tests import make
from notification_tests.post_room import PostRoom

Command = Callable[..., Awaitable[tuple[int, str, str]]]


@pytest.fixture
def command(post_room: PostRoom, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Command:
    monkeypatch.setenv("IC_WORKER_DATABASE_URL", post_room.database.url("notification", "worker"))

    async def run(*words: str) -> tuple[int, str, str]:
        status = await asyncio.to_thread(cli.main, list(words))
        said = capsys.readouterr()
        return status, said.out, said.err

    return run


async def test_what_was_parked_is_listed_shown_and_replayed(post_room: PostRoom, command: Command) -> None:
    right = post_room.documents.stored.pop(make.DOCUMENT_ID)
    await post_room.hear(make.invoice_sent_by_hand())
    await post_room.work()
    await post_room.later(700)
    await post_room.later(700)

    _, listed, _ = await command("parked", "list")
    [row] = json.loads(listed.splitlines()[-1])["parked"]
    _, shown, _ = await command("parked", "show", row["id"])
    post_room.documents.stored[make.DOCUMENT_ID] = right
    replayed = await command("parked", "replay", row["id"])
    await post_room.work()

    assert row["type"] == "task.send_mail"
    assert row["reason"]
    assert json.loads(shown)["payload"] == {"mail_id": str(make.MAIL_ID)}
    assert replayed[0] == 0
    assert len(post_room.mails) == 1
    assert await post_room.parked() == []


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("parked", "show", "evt_01j0000000e008000000000004"), "nothing with id"),
        (("parked", "replay", "evt_01j0000000e008000000000004"), "nothing with id"),
        (("parked", "replay", "nonsense"), "expected an id"),
    ],
)
async def test_what_is_not_parked_is_refused_with_the_reason(
    command: Command, words: tuple[str, ...], reason: str
) -> None:
    status, _, said = await command(*words)

    assert status == 1
    assert reason in said
