"""The gateway against a mail server that we did not write (aiosmtpd): a fake of ours could share our mistakes."""

import asyncio
from collections.abc import AsyncIterator

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session
from notification_service.domain.smtp_replies import Outcome
from notification_service.mail_gateway import MailGateway, MailServer, OutgoingMail, Security

CONTENT = b"Subject: dots\r\n\r\n.\r\n..\r\n.leading\r\nend.\r\n"


class Inbox:
    def __init__(self) -> None:
        self.taken: list[tuple[tuple[str, ...], bytes]] = []

    async def handle_RCPT(  # noqa: N802 - the library's name
        self, server: SMTP, session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if address.startswith("gone"):
            return "550 5.1.1 No such user"
        if address.startswith("grey"):
            return "451 4.7.1 Greylisted"
        envelope.rcpt_tos.append(address)
        return "250 2.1.5 ok"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:  # noqa: N802
        assert isinstance(envelope.content, bytes)
        self.taken.append((tuple(envelope.rcpt_tos), envelope.content))
        return "250 2.0.0 taken"


@pytest.fixture
def inbox() -> Inbox:
    return Inbox()


@pytest.fixture
async def port(inbox: Inbox) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    async with await loop.create_server(lambda: SMTP(inbox, hostname="foreign.example"), "127.0.0.1", 0) as server:
        yield server.sockets[0].getsockname()[1]


async def test_each_recipient_gets_its_verdict_and_the_content_arrives_byte_for_byte(inbox: Inbox, port: int) -> None:
    gateway = MailGateway(MailServer(host="127.0.0.1", port=port, security=Security.NONE, hello_name="central.example"))
    recipients = ("good@x.example", "gone@x.example", "grey@x.example", "fine@y.example")

    for _ in range(2):
        verdicts = await gateway.send(OutgoingMail("out@central.example", recipients, CONTENT))
    await gateway.close()

    assert [verdicts[name].outcome for name in recipients] == [
        Outcome.ACCEPTED,
        Outcome.REFUSED,
        Outcome.DEFERRED,
        Outcome.ACCEPTED,
    ]
    assert inbox.taken == [(("good@x.example", "fine@y.example"), CONTENT)] * 2
