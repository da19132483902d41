"""What looks like a secret leaves no trace in a log line, wherever it stands; what is not one stays readable."""

from typing import Any

import pytest
from service_kit.redaction import REDACTED, redact, redact_text

SECRET = "0123456789abcdefghijABCDEFGHIJ0123456789_-x"


@pytest.mark.parametrize(
    "text",
    [
        "sk_live_" + "0123456789abcdef",
        "rk_test_" + "0123456789abcdef",
        "whsec_" + "0123456789abcdef",
        f"ic_test_01m82a3pw2es8bbh5qsfq00000_{SECRET}",
        f"ic_session_{SECRET}",
        f"https://invoices.example.com/reset-password/ic_reset_{SECRET}",
        f"https://invoices.example.com/i/{SECRET}{SECRET[:28]}",
        f"Bearer {SECRET}",
        f"Authorization: Basic {SECRET}",
        "eyJhbGciOiJIUzI1NiJ9.eyJpc3MiOiJ4In0.c2lnbmF0dXJl",
        f"postgresql://app:{SECRET}@db.example.com/icentral",
    ],
)
def test_a_secret_in_a_sentence_is_taken_out(text: str) -> None:
    shown = redact_text(f"the call with {text} failed")

    assert REDACTED in shown
    assert SECRET[:12] not in shown
    assert "0123456789abcdef" not in shown
    assert shown.startswith("the call with ")


@pytest.mark.parametrize(
    "value",
    [
        {"password": "open sesame"},
        {"nested": [{"api_key": "open sesame"}]},
        {"Cookie": "open sesame"},
        {"service_token_secret": "open sesame"},
        [("x", {"authorization": b"open sesame"})],
    ],
)
def test_a_telling_name_hides_whatever_stands_under_it(value: Any) -> None:
    assert "open sesame" not in str(redact(value))


@pytest.mark.parametrize(
    "text", ["inv_01kasf1gej0000000000000001", "GET /v1/invoices", "/i/ is the customer's page", "EUR 7,360.00", ""]
)
def test_what_is_no_secret_stays_as_it_is(text: str) -> None:
    assert redact_text(text) == text
