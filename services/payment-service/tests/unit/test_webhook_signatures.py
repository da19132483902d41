"""A signature proves who sent which bytes when, or it proves nothing."""

from datetime import UTC, datetime

import pytest
import stripe
from payment_service.stripe_gateway import SignatureRefused, verify_signature

NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)
STAMP = int(NOW.timestamp())
SECRET = "whsec_current"
BODY = b'{"id":"evt_1","object":"event"}'


def _header(*, secret: str = SECRET, at: int = STAMP, body: bytes = BODY) -> str:
    return str(stripe.WebhookSignature.generate_signature_header(body.decode(), secret, at))


def _verify(header: str, *, body: bytes = BODY, secrets: tuple[str, ...] = (SECRET,)) -> None:
    verify_signature(body=body, header=header, secrets=secrets, now=NOW)


def test_a_signature_by_the_current_secret_is_good() -> None:
    _verify(_header())


def test_a_signature_by_the_secret_before_is_good_while_it_is_rolled() -> None:
    _verify(_header(secret="whsec_before"), secrets=(SECRET, "whsec_before"))


def test_one_good_signature_among_several_is_enough() -> None:
    good = _header().split(",")[1]

    _verify(f"t={STAMP},v1={'0' * 64},{good},v0=ff")


@pytest.mark.parametrize("seconds", [-300, 300])
def test_five_minutes_either_way_are_tolerated(seconds: int) -> None:
    _verify(_header(at=STAMP + seconds))


@pytest.mark.parametrize("seconds", [-301, 301, 10 * 365 * 86400, -STAMP])
def test_older_and_future_signatures_are_refused(seconds: int) -> None:
    with pytest.raises(SignatureRefused):
        _verify(_header(at=STAMP + seconds))


@pytest.mark.parametrize(
    "header",
    [
        "",
        "t=",
        f"t={STAMP}",
        f"t={STAMP},v1=",
        f"t={STAMP},v1={'0' * 64}",
        f"t={STAMP},v1=ünicode",
        f"t={STAMP},v0={'0' * 64}",
        "t=abc,v1=00",
        f"t={'9' * 5000},v1=00",
        "t=-5,v1=00",
        f"t={STAMP},t={STAMP},v1=00",
        "v1,t,=,,",
        "t=١٢٣,v1=00",
    ],
)
def test_forged_headers_are_refused_and_nothing_else_gets_out(header: str) -> None:
    with pytest.raises(SignatureRefused):
        _verify(header)


def test_one_changed_byte_is_refused() -> None:
    with pytest.raises(SignatureRefused):
        _verify(_header(), body=BODY.replace(b"evt_1", b"evt_2"))


def test_a_body_that_was_encoded_anew_is_refused() -> None:
    with pytest.raises(SignatureRefused):
        _verify(_header(), body=b'{"id": "evt_1", "object": "event"}')


def test_a_body_that_is_not_utf_8_is_refused() -> None:
    with pytest.raises(SignatureRefused):
        _verify(_header(), body=b"\xff\xfe")


@pytest.mark.parametrize("secrets", [(), ("",), ("  ", "")])
def test_without_a_secret_nothing_passes_not_even_what_an_empty_secret_signed(secrets: tuple[str, ...]) -> None:
    with pytest.raises(SignatureRefused):
        _verify(_header(secret=""), secrets=secrets)


def test_a_blank_previous_secret_signs_nothing() -> None:
    with pytest.raises(SignatureRefused):
        _verify(_header(secret=""), secrets=(SECRET, ""))
