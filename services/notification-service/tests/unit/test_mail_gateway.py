"""What only the real gateway can show: TLS, authentication, its pool, and that nothing travels in the clear."""

import asyncio
import base64
import ssl
from collections.abc import AsyncIterator
from datetime import timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from hypothesis import given
from hypothesis import strategies as st
from notification_service.domain.smtp_replies import Outcome
from notification_service.mail_gateway import MailGateway, MailServer, OutgoingMail, Security, with_final_dot
from notification_tests.fakes import Cut, Reply, Script, ScriptedMailServer, serving
from service_kit.clock import SystemClock

MAIL = OutgoingMail(sender="out@central.example", recipients=("anna@one.example",), content=b"Subject: x\r\n\r\nhi\r\n")


def server_at(port: int, **changes: object) -> MailServer:
    values: dict[str, object] = {
        "host": "127.0.0.1",
        "port": port,
        "security": Security.NONE,
        "hello_name": "central.example",
        "command_seconds": 2.0,
        "data_seconds": 2.0,
    }
    return MailServer(**{**values, **changes})  # type: ignore[arg-type]


async def outcome_of(gateway: MailGateway) -> tuple[Outcome, str]:
    [verdict] = (await gateway.send(MAIL)).values()
    await gateway.close()
    return verdict.outcome, verdict.words


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with ``ca.pem`` (the certificate, which is its own authority) and ``key.pem`` for 127.0.0.1."""
    folder = tmp_path_factory.mktemp("tls")
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    now = SystemClock().now()
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))]), critical=False)
        .add_extension(x509.BasicConstraints(ca=True, path_length=0), critical=True)
        .sign(key, hashes.SHA256())
    )
    (folder / "ca.pem").write_bytes(certificate.public_bytes(serialization.Encoding.PEM))
    (folder / "key.pem").write_bytes(
        key.private_bytes(serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )
    return folder


@pytest.fixture
def tls(authority: Path) -> ssl.SSLContext:
    context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
    context.load_cert_chain(authority / "ca.pem", authority / "key.pem")
    return context


@pytest.fixture
async def plain() -> AsyncIterator[ScriptedMailServer]:
    async with serving(ScriptedMailServer()) as server:
        yield server


async def test_starttls_is_done_before_anything_is_said(tls: ssl.SSLContext, authority: Path) -> None:
    async with serving(ScriptedMailServer(tls=tls, offers_auth=True)) as server:
        gateway = MailGateway(
            server_at(
                server.port,
                security=Security.STARTTLS,
                ca_file=str(authority / "ca.pem"),
                username="central",
                password="s3cret-of-smtp",
            )
        )

        outcome, _ = await outcome_of(gateway)

        assert outcome is Outcome.ACCEPTED
        assert server.commands.index("starttls") < server.commands.index("auth") < server.commands.index("mail")
        assert base64.b64decode(server.secrets[0].split()[1]) == b"\0central\0s3cret-of-smtp"


async def test_a_server_that_does_not_offer_starttls_gets_no_mail(plain: ScriptedMailServer) -> None:
    gateway = MailGateway(
        server_at(plain.port, security=Security.STARTTLS, username="central", password="s3cret-of-smtp")
    )

    outcome, words = await outcome_of(gateway)

    assert outcome is Outcome.DEFERRED
    assert "STARTTLS" in words
    assert not {"mail", "auth"} & set(plain.commands)


async def test_a_certificate_that_nobody_vouches_for_gets_no_mail(tls: ssl.SSLContext) -> None:
    async with serving(ScriptedMailServer(tls=tls)) as server:
        outcome, words = await outcome_of(MailGateway(server_at(server.port, security=Security.STARTTLS)))

        assert outcome is Outcome.DEFERRED
        assert "certificate" in words
        assert "mail" not in server.commands


async def test_refused_credentials_are_our_own_trouble_and_the_mail_waits(tls: ssl.SSLContext, authority: Path) -> None:
    script = Script({"auth": [Reply("535 5.7.8 Authentication failed")]})
    async with serving(ScriptedMailServer(script, tls=tls, offers_auth=True)) as server:
        gateway = MailGateway(
            server_at(
                server.port,
                security=Security.STARTTLS,
                ca_file=str(authority / "ca.pem"),
                username="central",
                password="s3cret-of-smtp",
            )
        )

        outcome, words = await outcome_of(gateway)

    assert outcome is Outcome.DEFERRED
    assert "535" in words
    assert "s3cret-of-smtp" not in words


async def test_nobody_listening_means_not_now() -> None:
    outcome, words = await outcome_of(MailGateway(server_at(1)))

    assert outcome is Outcome.DEFERRED
    assert words


async def test_a_connection_is_used_again_for_the_next_mail(plain: ScriptedMailServer) -> None:
    gateway = MailGateway(server_at(plain.port))

    for _ in range(3):
        await gateway.send(MAIL)
    await gateway.close()

    assert (len(plain.mails), plain.connections) == (3, 1)
    assert plain.commands[-1] == "quit"


async def test_a_connection_that_the_server_closed_meanwhile_costs_nothing() -> None:
    async with serving(ScriptedMailServer(Script({"rset": [Cut()]}))) as server:
        gateway = MailGateway(server_at(server.port))
        await gateway.send(MAIL)

        outcome, _ = await outcome_of(gateway)

        assert outcome is Outcome.ACCEPTED
        assert (len(server.mails), server.connections) == (2, 2)


async def test_an_idle_connection_is_not_trusted_for_long(plain: ScriptedMailServer) -> None:
    gateway = MailGateway(server_at(plain.port, idle_seconds=0.0))
    await gateway.send(MAIL)

    await outcome_of(gateway)

    assert plain.connections == 2


async def test_a_connection_with_any_error_is_not_used_again() -> None:
    async with serving(ScriptedMailServer(Script({"content": [Reply("452 4.3.1 Full")]}))) as server:
        gateway = MailGateway(server_at(server.port))
        await gateway.send(MAIL)

        await outcome_of(gateway)

        assert server.connections == 2


async def test_never_more_connections_than_allowed() -> None:
    async with serving(ScriptedMailServer()) as server:
        most = 0
        gateway = MailGateway(server_at(server.port, connections_max=2))

        async def send() -> None:
            nonlocal most
            await gateway.send(MAIL)
            most = max(most, server.open_connections)

        await asyncio.gather(*(send() for _ in range(12)))
        await gateway.close()

        assert len(server.mails) == 12
        assert 1 <= most <= 2


async def test_a_goodbye_that_is_not_answered_is_ignored() -> None:
    async with serving(ScriptedMailServer(Script({"quit": [Cut()]}))) as server:
        outcome, _ = await outcome_of(MailGateway(server_at(server.port)))

    assert outcome is Outcome.ACCEPTED


async def test_garbage_before_the_content_is_not_now_and_after_it_is_unknown() -> None:
    async with serving(ScriptedMailServer(Script({"mail": [Reply("what?")], "content": [Reply("eh?")]}))) as server:
        gateway = MailGateway(server_at(server.port))

        [before] = (await gateway.send(MAIL)).values()
        after, _ = await outcome_of(gateway)

    assert (before.outcome, after) == (Outcome.DEFERRED, Outcome.UNCERTAIN)


def test_the_servers_secrets_do_not_show() -> None:
    assert "s3cret" not in repr(server_at(25, username="central", password="s3cret"))


@given(st.lists(st.binary(max_size=40), max_size=6))
def test_content_cannot_end_early_and_arrives_as_it_was(lines: list[bytes]) -> None:
    content = b"\r\n".join(line.replace(b"\r", b"").replace(b"\n", b"") for line in lines) + b"\r\n"

    wire = with_final_dot(content)

    assert wire.count(b"\r\n.\r\n") == (1 if wire != b".\r\n" else 0)
    body = wire[: -len(b".\r\n")]
    undone = b"\r\n".join(line[1:] if line.startswith(b".") else line for line in body.split(b"\r\n"))
    assert undone == content
