"""A mail server that does what a script says, and a mail door without a network that obeys the same script.

Both keep what they took in ``mails``: that list is the only truth about what went out.
"""

import asyncio
import ssl
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass, field

from notification_service.domain.smtp_replies import (
    Outcome,
    Verdict,
    verdict_before_mail,
    verdict_of_reply,
    verdict_of_silence,
)
from notification_service.mail_gateway import OutgoingMail


@dataclass(frozen=True)
class Reply:
    text: str


@dataclass(frozen=True)
class Hang:
    """Never answer. For ``content``: after the mail was taken, if ``took`` is set."""

    took: bool = False


@dataclass(frozen=True)
class Cut:
    """Close the connection instead of answering. For ``content``: after the mail was taken, if ``took`` is set."""

    took: bool = False


@dataclass(frozen=True)
class Slow:
    seconds: float


Step = Reply | Hang | Cut | Slow

_GOOD = {
    "connect": "220 scripted ESMTP",
    "mail": "250 2.1.0 ok",
    "rcpt": "250 2.1.5 ok",
    "data": "354 go ahead",
    "content": "250 2.0.0 taken",
    "rset": "250 2.0.0 ok",
    "quit": "221 2.0.0 bye",
    "auth": "235 2.7.0 welcome",
    "starttls": "220 2.0.0 ready",
}


class Script:
    """What happens at each verb: ``{"rcpt:a@b": [Reply("450 …")]}`` is used up step by step, then all is well again.

    A verb is ``connect``, ``ehlo``, ``starttls``, ``auth``, ``mail``, ``rcpt``, ``data``, ``content``, ``rset`` or
    ``quit``; ``always`` holds steps that are never used up.
    """

    def __init__(
        self, steps: Mapping[str, list[Step]] | None = None, *, always: Mapping[str, Step] | None = None
    ) -> None:
        self._steps = {verb: list(rows) for verb, rows in (steps or {}).items()}
        self._always = dict(always or {})

    def next(self, verb: str, argument: str = "") -> Step | None:
        for key in (f"{verb}:{argument}", verb):
            if self._steps.get(key):
                return self._steps[key].pop(0)
            if key in self._always:
                return self._always[key]
        return None

    def add(self, verb: str, *steps: Step) -> None:
        self._steps.setdefault(verb, []).extend(steps)


@dataclass(frozen=True)
class ReceivedMail:
    sender: str
    recipients: tuple[str, ...]
    content: bytes


@dataclass
class _Envelope:
    sender: str = ""
    recipients: list[str] = field(default_factory=list)


class _CutOff(Exception):
    """The script ends this connection."""


class ScriptedMailServer:
    """Start it with `serving`. ``commands`` are all verbs in the order in which they came, over all connections."""

    def __init__(
        self, script: Script | None = None, *, tls: ssl.SSLContext | None = None, offers_auth: bool = False
    ) -> None:
        self.script = script or Script()
        self.mails: list[ReceivedMail] = []
        self.commands: list[str] = []
        self.connections = 0
        self.open_connections = 0
        self.port = 0
        self.secrets: list[str] = []
        self._tls = tls
        self._offers_auth = offers_auth

    async def handle(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        self.open_connections += 1
        try:
            await self._answer(writer, "connect")
            await self._converse(reader, writer)
        except (_CutOff, ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            self.open_connections -= 1
            with suppress(OSError):
                writer.close()

    async def _converse(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        envelope = _Envelope()
        while line := await reader.readline():
            verb, _, rest = line.decode().strip().partition(" ")
            verb = verb.lower()
            self.commands.append(verb)
            if verb in ("ehlo", "helo"):
                await self._hello(writer, secure=writer.get_extra_info("sslcontext") is not None)
            elif verb == "starttls":
                await self._answer(writer, "starttls")
                await writer.start_tls(self._tls or _no_tls())
            elif verb == "mail":
                envelope = _Envelope(sender=_address(rest))
                await self._answer(writer, "mail")
            elif verb == "rcpt":
                if await self._answer(writer, "rcpt", _address(rest)):
                    envelope.recipients.append(_address(rest))
            elif verb == "data":
                if await self._answer(writer, "data"):
                    await self._take(reader, writer, envelope)
            else:
                if verb == "auth":
                    self.secrets.append(rest)
                await self._answer(writer, verb)
                if verb == "quit":
                    return

    async def _hello(self, writer: asyncio.StreamWriter, *, secure: bool) -> None:
        step = self.script.next("ehlo")
        if step is not None:
            await self._do(writer, step, good="250 scripted")
            return
        lines = ["scripted", "8BITMIME"]
        lines += ["STARTTLS"] if self._tls and not secure else []
        lines += ["AUTH PLAIN"] if self._offers_auth else []
        joined = [f"250{'-' if line != lines[-1] else ' '}{line}\r\n" for line in lines]
        writer.write("".join(joined).encode())
        await writer.drain()

    async def _take(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, envelope: _Envelope) -> None:
        raw = await reader.readuntil(b"\r\n.\r\n")
        lines = raw[: -len(b".\r\n")].split(b"\r\n")
        content = b"\r\n".join(line[1:] if line.startswith(b".") else line for line in lines)
        self.commands.append("content")
        step = self.script.next("content")
        mail = ReceivedMail(envelope.sender, tuple(envelope.recipients), content)
        if step is None or isinstance(step, Slow) or (isinstance(step, Cut | Hang) and step.took):
            self.mails.append(mail)
        if isinstance(step, Reply) and step.text.startswith("2"):
            self.mails.append(mail)
        await self._do(writer, step, good=_GOOD["content"])

    async def _answer(self, writer: asyncio.StreamWriter, verb: str, argument: str = "") -> bool:
        return await self._do(writer, self.script.next(verb, argument), good=_GOOD.get(verb, "502 5.5.1 unknown"))

    async def _do(self, writer: asyncio.StreamWriter, step: Step | None, *, good: str) -> bool:
        """Whether the answer was a good one."""
        if isinstance(step, Cut):
            raise _CutOff
        if isinstance(step, Hang):
            await asyncio.sleep(3600)
        if isinstance(step, Slow):
            await asyncio.sleep(step.seconds)
        text = step.text if isinstance(step, Reply) else good
        writer.write(text.encode("utf-8", "surrogateescape") + b"\r\n")
        await writer.drain()
        if text.startswith("421"):
            raise _CutOff
        return text[:1] in "23"


@asynccontextmanager
async def serving(server: ScriptedMailServer) -> AsyncIterator[ScriptedMailServer]:
    """Serve on a free port of the loopback address; every connection ends with the block."""
    tasks: set[asyncio.Task[None]] = set()

    async def accept(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        if task is not None:
            tasks.add(task)
            task.add_done_callback(tasks.discard)
        with suppress(asyncio.CancelledError):
            await server.handle(reader, writer)

    listener = await asyncio.start_server(accept, "127.0.0.1", 0)
    server.port = listener.sockets[0].getsockname()[1]
    try:
        yield server
    finally:
        listener.close()
        for task in tuple(tasks):
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)


class FakeMailDoor:
    """`mail_gateway.MailDoor` in memory. A hang is answered at once, as the time-out that it would become."""

    def __init__(self, script: Script | None = None) -> None:
        self.script = script or Script()
        self.mails: list[ReceivedMail] = []
        self.tries = 0

    async def send(self, mail: OutgoingMail) -> Mapping[str, Verdict]:
        self.tries += 1
        for verb in ("connect", "ehlo"):
            early = _verdict(self.script.next(verb), good="250 ok", handed_over=False)
            if early.outcome is not Outcome.ACCEPTED:
                return dict.fromkeys(mail.recipients, verdict_before_mail(early.words))
        sender = _verdict(self.script.next("mail"), good=_GOOD["mail"], handed_over=False)
        if sender.outcome is not Outcome.ACCEPTED:
            return dict.fromkeys(mail.recipients, sender)
        return self._deliver(mail)

    def _deliver(self, mail: OutgoingMail) -> Mapping[str, Verdict]:
        verdicts: dict[str, Verdict] = {}
        for recipient in mail.recipients:
            step = self.script.next("rcpt", recipient)
            verdicts[recipient] = _verdict(step, good=_GOOD["rcpt"], handed_over=False)
            if isinstance(step, Cut | Hang) or (isinstance(step, Reply) and step.text.startswith("421")):
                refused = {name: seen for name, seen in verdicts.items() if seen.outcome is Outcome.REFUSED}
                return dict.fromkeys(mail.recipients, verdicts[recipient]) | refused
        accepted = tuple(name for name, seen in verdicts.items() if seen.outcome is Outcome.ACCEPTED)
        if accepted:
            verdicts |= dict.fromkeys(accepted, self._hand_over(mail, accepted))
        return verdicts

    def _hand_over(self, mail: OutgoingMail, accepted: tuple[str, ...]) -> Verdict:
        data = self.script.next("data")
        if data is not None and not isinstance(data, Slow):
            return _verdict(data, good="", handed_over=False)
        step = self.script.next("content")
        verdict = _verdict(step, good=_GOOD["content"], handed_over=True)
        if verdict.outcome is Outcome.ACCEPTED or (isinstance(step, Cut | Hang) and step.took):
            self.mails.append(ReceivedMail(mail.sender, accepted, mail.content))
        return verdict

    async def close(self) -> None:
        """Nothing is open."""


def _verdict(step: Step | None, *, good: str, handed_over: bool) -> Verdict:
    if isinstance(step, Cut | Hang):
        return verdict_of_silence("the connection was lost", content_handed_over=handed_over)
    text = step.text if isinstance(step, Reply) else good
    code, _, words = text.partition(" ")
    return verdict_of_reply(int(code), words)


def _address(rest: str) -> str:
    return rest[rest.index("<") + 1 : rest.index(">")]


def _no_tls() -> ssl.SSLContext:
    raise _CutOff
