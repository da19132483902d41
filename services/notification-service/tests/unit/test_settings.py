"""Settings that would send mail, or a password, in the clear are refused with words that say what to do."""

import pytest
from notification_service.settings import Settings
from pydantic import ValidationError


def settings(monkeypatch: pytest.MonkeyPatch, **values: str) -> Settings:
    for name, value in {"mail_from": "invoices@nordlicht.example", **values}.items():
        monkeypatch.setenv(f"IC_{name.upper()}", value)
    return Settings()


def test_tls_is_the_default(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch).smtp_security == "starttls"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "::1"])
def test_a_mail_server_on_this_machine_may_be_spoken_to_in_the_clear(
    monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    assert settings(monkeypatch, smtp_host=host, smtp_security="none", environment="production").smtp_host == host


def test_production_does_not_send_mail_through_a_network_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="use starttls or tls"):
        settings(monkeypatch, smtp_host="mail.example", smtp_security="none", environment="production")


def test_a_demo_may_use_an_inbox_of_its_own_network(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch, smtp_host="inbox", smtp_security="none", environment="demo").smtp_host == "inbox"


def test_no_environment_sends_a_password_through_a_network_in_the_clear(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(ValidationError, match="would travel in the clear"):
        settings(monkeypatch, smtp_host="inbox", smtp_security="none", environment="demo", smtp_username="u")


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("mail_from", "Nordlicht <x@y.example>"),
        ("mail_from", "x@y.example\nBcc: z@y.example"),
        ("invoice_service_url", "ftp://x"),
        ("mail_retry_scale", "0"),
        ("smtp_port", "70000"),
    ],
)
def test_what_cannot_work_is_refused_by_name(monkeypatch: pytest.MonkeyPatch, name: str, value: str) -> None:
    with pytest.raises(ValidationError, match=rf"(?i){name}"):
        settings(monkeypatch, **{name: value})


def test_message_ids_end_with_the_senders_domain_unless_set(monkeypatch: pytest.MonkeyPatch) -> None:
    assert settings(monkeypatch).sender_domain == "nordlicht.example"
    assert settings(monkeypatch, message_id_domain="mail.central.example").sender_domain == "mail.central.example"


def test_the_password_does_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    assert "s3cret" not in repr(settings(monkeypatch, smtp_username="u", smtp_password="s3cret"))
