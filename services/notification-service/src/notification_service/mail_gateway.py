"""The only door to the mail server. It says for each recipient what is certain, and never guesses.

Commands go out one at a time, so that a lost connection is known to lie before or after the content. A connection
carries one mail at a time and returns to the small pool only after a wholly understood exchange.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import aiosmtplib
from service_kit import crash_points
from service_kit.log_setup import get_logger

from notification_service.domain.smtp_replies import (
    Outcome,
    Verdict,
    verdict_before_mail,
    verdict_of_reply,
    verdict_of_silence,
)

COMMAND_SECONDS = 30.0
DATA_SECONDS = 600.0
"""RFC 5321 section 4.5.3.2.6: the server may take ten minutes to answer the final dot."""
MAILS_PER_CONNECTION_MAX = 50

_GO_AHEAD = 354


class Security(StrEnum):
    STARTTLS = "starttls"
    TLS = "tls"
    NONE = "none"


@dataclass(frozen=True)
class MailServer:
    """``ca_file`` names an authority besides the machine's own. Only security none ever sends in the clear."""

    host: str
    port: int
    security: Security
    hello_name: str
    username: str = field(default="", repr=False)
    password: str = field(default="", repr=False)
    ca_file: str = ""
    command_seconds: float = COMMAND_SECONDS
    data_seconds: float = DATA_SECONDS
    idle_seconds: float = 20.0
    connections_max: int = 4

    @property
    def name(self) -> str:
        return f"{self.host}:{self.port}"


@dataclass(frozen=True)
class OutgoingMail:
    """``recipients`` are plain ASCII addresses; ``content`` is the whole message, headers included."""

    sender: str
    recipients: tuple[str, ...]
    content: bytes = field(repr=False)


class MailDoor(Protocol):
    async def send(self, mail: OutgoingMail) -> Mapping[str, Verdict]:
        """One try. Every recipient gets a verdict; nothing that a mail server does raises."""
        ...

    async def close(self) -> None: ...


@dataclass
class _Connection:
    client: aiosmtplib.SMTP
    mails: int = 0
    idle_since: float = 0.0


class MailGateway:
    def __init__(self, server: MailServer) -> None:
        self._server = server
        self._slots = asyncio.Semaphore(server.connections_max)
        self._idle: list[_Connection] = []

    async def send(self, mail: OutgoingMail) -> Mapping[str, Verdict]:
        async with self._slots:
            try:
                connection = await self._connection()
            except (aiosmtplib.SMTPException, OSError, TimeoutError) as problem:
                get_logger().warning(
                    "mail_server_unreachable", server=f"{self._server.host}:{self._server.port}", error=_words(problem)
                )
                return dict.fromkeys(mail.recipients, verdict_before_mail(_words(problem)))
            async with self._returned_when_clean(connection) as exchange:
                return await exchange.send(mail)

    async def close(self) -> None:
        """Say goodbye on every idle connection. Safe to call again."""
        while self._idle:
            await _quit(self._idle.pop().client)

    @asynccontextmanager
    async def _returned_when_clean(self, connection: _Connection) -> "AsyncIterator[_Exchange]":
        exchange = _Exchange(connection.client, self._server)
        try:
            yield exchange
        finally:
            connection.mails += 1
            if exchange.is_clean and connection.mails < MAILS_PER_CONNECTION_MAX:
                connection.idle_since = asyncio.get_running_loop().time()
                self._idle.append(connection)
            elif exchange.is_clean:
                await _quit(connection.client)
            else:
                connection.client.close()

    async def _connection(self) -> _Connection:
        while self._idle:
            connection = self._idle.pop()
            age = asyncio.get_running_loop().time() - connection.idle_since
            if age <= self._server.idle_seconds and await _is_alive(connection.client, self._server.command_seconds):
                return connection
            connection.client.close()
        return _Connection(client=await self._connect())

    async def _connect(self) -> aiosmtplib.SMTP:
        server = self._server
        crash_points.reached("mail.before_connect")
        client = aiosmtplib.SMTP(
            hostname=server.host,
            port=server.port,
            use_tls=server.security is Security.TLS,
            start_tls=server.security is Security.STARTTLS,
            tls_context=None if server.security is Security.NONE else _tls_context(server.ca_file),
            username=server.username or None,
            password=server.password or None,
            local_hostname=server.hello_name,
            timeout=server.command_seconds,
        )
        await client.connect()
        crash_points.reached("mail.after_connect")
        return client


class _Exchange:
    """One mail on one connection: MAIL, a RCPT each, DATA, the content."""

    def __init__(self, client: aiosmtplib.SMTP, server: MailServer) -> None:
        self._client = client
        self._server = server
        self.is_clean = False

    async def send(self, mail: OutgoingMail) -> Mapping[str, Verdict]:
        verdicts: dict[str, Verdict] = {}
        try:
            sender = await self._mail_from(mail.sender)
            if sender.outcome is not Outcome.ACCEPTED:
                return dict.fromkeys(mail.recipients, sender)
            for recipient in mail.recipients:
                verdicts[recipient] = await self._rcpt_to(recipient)
            accepted = [name for name, verdict in verdicts.items() if verdict.outcome is Outcome.ACCEPTED]
            if accepted:
                verdicts |= dict.fromkeys(accepted, await self._data(mail.content))
            return verdicts
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as problem:
            broken = verdict_of_silence(_words(problem), content_handed_over=False)
            refused = {name: verdict for name, verdict in verdicts.items() if verdict.outcome is Outcome.REFUSED}
            return dict.fromkeys(mail.recipients, broken) | refused

    async def _mail_from(self, sender: str) -> Verdict:
        try:
            reply = await self._client.mail(sender)
        except aiosmtplib.SMTPSenderRefused as refusal:
            return verdict_of_reply(refusal.code, refusal.message)
        return verdict_of_reply(reply.code, reply.message)

    async def _rcpt_to(self, recipient: str) -> Verdict:
        try:
            reply = await self._client.rcpt(recipient)
        except aiosmtplib.SMTPRecipientRefused as refusal:
            if not self._client.is_connected:
                raise
            return verdict_of_reply(refusal.code, refusal.message)
        return verdict_of_reply(reply.code, reply.message)

    async def _data(self, content: bytes) -> Verdict:
        crash_points.reached("mail.before_data")
        reply = await self._client.execute_command(b"DATA")
        if reply.code != _GO_AHEAD:
            return verdict_of_reply(reply.code, reply.message)
        crash_points.reached("mail.before_content")
        try:
            reply = await self._hand_over(content)
        except (aiosmtplib.SMTPException, OSError, TimeoutError) as problem:
            return verdict_of_silence(_words(problem), content_handed_over=True)
        crash_points.reached("mail.after_data")
        self.is_clean = reply.code in range(200, 300) and self._client.is_connected
        return verdict_of_reply(reply.code, reply.message)

    async def _hand_over(self, content: bytes) -> aiosmtplib.SMTPResponse:
        """Write the content and wait for the answer to its final dot.

        The library's own ``data()`` would do both this and the DATA command, and hide which of the two was broken off.
        """
        protocol = self._client.protocol
        if protocol is None:
            raise aiosmtplib.SMTPServerDisconnected("the connection was lost before the content")
        protocol.write(with_final_dot(content))
        return await protocol.read_response(timeout=self._server.data_seconds)


def with_final_dot(content: bytes) -> bytes:
    """The content as it goes over the wire: CRLF line ends, leading dots doubled, then the dot (RFC 5321 4.5.2)."""
    lines = content.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    if lines and lines[-1] == b"":
        lines.pop()
    return b"".join((b"." + line if line.startswith(b".") else line) + b"\r\n" for line in lines) + b".\r\n"


async def _is_alive(client: aiosmtplib.SMTP, seconds: float) -> bool:
    try:
        await client.rset(timeout=min(seconds, 5.0))
    except (aiosmtplib.SMTPException, OSError, TimeoutError):
        return False
    return client.is_connected


async def _quit(client: aiosmtplib.SMTP) -> None:
    with suppress(aiosmtplib.SMTPException, OSError, TimeoutError):
        await client.quit(timeout=2.0)
    client.close()


def _tls_context(ca_file: str) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file:
        context.load_verify_locations(cafile=ca_file)
    return context


def _words(problem: BaseException) -> str:
    """What to tell a person; the library puts neither user name nor password into its messages."""
    if isinstance(problem, aiosmtplib.SMTPResponseException):
        return f"{problem.code} {problem.message}" if problem.code >= 0 else problem.message
    if isinstance(problem, ssl.SSLCertVerificationError):
        return f"the mail server's certificate is not trusted: {problem.verify_message}"
    return str(problem) or type(problem).__name__
