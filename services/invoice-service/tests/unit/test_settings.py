"""Settings refuse what must not start."""

import pytest
from invoice_service.settings import Settings
from pydantic import ValidationError
from service_kit.settings import MissingSetting


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
        ("public_url", "http://invoices.example.com", "IC_PUBLIC_URL must be https in production: .* IC_ENVIRONMENT"),
        ("public_url", "HTTP://invoices.example.com", "IC_PUBLIC_URL must be https in production"),
        ("payment_service_url", "http://pay.example.com?x=1", "not an http address"),
        ("crash_at", "database.before_commit", "IC_CRASH_AT"),
    ],
)
def test_a_setting_that_is_not_safe_is_refused_by_its_name(field: str, value: str, words: str) -> None:
    with pytest.raises(ValidationError, match=words) as refused:
        Settings.model_validate({field: value})

    assert "short" not in str(refused.value)


SECRETS = {
    "service_token_secret": "K7mPq2xV9sTd4wZb8nRj3cLf6hGy1aQe",
    "payment_token_secret": "Wz5tYk8uNb2vXc6rMd9pLs3qHf7jGa4e",
    "page_token_secret": "4eHf7jGaWz5tYk8uNb2vXc6rMd9pLs3q",
    "api_key_pepper": "6hGy1aQeK7mPq2xV9sTd4wZb8nRj3cLf",
    "account_secret": "vXc6rMd9pLs3qHf7jGa4eWz5tYk8uNb2",
}


@pytest.mark.parametrize("first", SECRETS)
@pytest.mark.parametrize("second", SECRETS)
def test_each_secret_has_a_value_of_its_own(first: str, second: str) -> None:
    values = {**SECRETS, second: SECRETS[first]}

    if first == second:
        assert getattr(Settings.model_validate(values), second) == SECRETS[first]
        return
    with pytest.raises(ValidationError, match=r"is also IC_|secret of another audience") as refused:
        Settings.model_validate(values)
    assert SECRETS[first] not in str(refused.value)


@pytest.mark.parametrize("environment", ["demo", "test"])
def test_a_demo_on_this_machine_needs_no_tls(environment: str) -> None:
    settings = Settings.model_validate({"environment": environment, "public_url": "http://127.0.0.1:8001"})

    assert settings.served_at() == "http://127.0.0.1:8001"
    assert Settings.model_validate({"environment": environment}).served_at() == "http://127.0.0.1:8001"


def test_production_guesses_no_address_of_its_own() -> None:
    with pytest.raises(MissingSetting, match="IC_PUBLIC_URL"):
        Settings().served_at()
    assert Settings.model_validate({"public_url": "https://i.example.com"}).served_at() == "https://i.example.com"


def test_secrets_are_not_in_the_text_of_the_settings() -> None:
    settings = Settings.model_validate(
        {"api_key_pepper": "canary-0123456789" * 2, "database_url": "postgresql://u:canary@h/d"}
    )

    assert "canary" not in repr(settings)
