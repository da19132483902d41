"""Settings refuse what must not start."""

import pytest
from invoice_service.settings import Settings
from pydantic import ValidationError


@pytest.mark.parametrize(
    ("field", "value", "words"),
    [
        ("page_token_secret", "short", "at least 32"),
        ("api_key_pepper", "short", "at least 32"),
        ("account_secret", "short", "at least 32"),
        ("service_token_secret", "short", "IC_SERVICE_TOKEN_SECRET: .* at least 32"),
        ("payment_token_secret", "short", "IC_PAYMENT_TOKEN_SECRET: .* at least 32"),
        ("public_url", "invoices.example.com", "not an http address"),
        ("public_url", "javascript:alert(1)", "not an http address"),
        ("payment_service_url", "http://pay.example.com?x=1", "not an http address"),
        ("crash_at", "database.before_commit", "IC_CRASH_AT"),
    ],
)
def test_a_setting_that_is_not_safe_is_refused_by_its_name(field: str, value: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words) as refused:
        Settings.model_validate({field: value})

    assert "short" not in str(refused.value)


def test_secrets_are_not_in_the_text_of_the_settings() -> None:
    settings = Settings.model_validate({"api_key_pepper": "canary" * 6, "database_url": "postgresql://u:canary@h/d"})

    assert "canary" not in repr(settings)
