"""Production starts with secrets of its own: what an example left, or what two purposes share, stops the start."""

import pytest
from pydantic import Field, ValidationError, model_validator
from service_kit.settings import ServiceSettings, refuse_equal_secrets

SECRET = "K7mPq2xV9sTd4wZb8nRj3cLf6hGy1aQe"
OTHER = "Wz5tYk8uNb2vXc6rMd9pLs3qHf7jGa4e"


class TwoSecrets(ServiceSettings):
    a_secret: str = Field(default="", repr=False)
    a_pepper: str = Field(default="", repr=False)

    @model_validator(mode="after")
    def _refuse(self) -> "TwoSecrets":
        refuse_equal_secrets(self, "a_secret", "a_pepper")
        return self


LEFT_BEHIND = [
    "<random>",
    "<random-secret-of-at-least-32-characters>",
    "changeme",
    "ChangeMe-changeme-changeme-changeme-1",
    "please-change-this-before-you-go-live-2",
    "your-secret-here-your-secret-here-1234",
    "placeholder-0123456789-0123456789-abcdef",
    "a" * 40,
    "abcabcabcabcabcabcabcabcabcabcabcabcabc",
    "0" * 32,
    f"{SECRET},{'x' * 40}",
]


@pytest.mark.parametrize("value", LEFT_BEHIND)
def test_production_does_not_start_with_a_secret_that_an_example_left_there(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IC_A_SECRET", value)

    with pytest.raises(ValidationError, match=r"IC_A_SECRET .*token_urlsafe") as refusal:
        TwoSecrets()

    assert value not in str(refusal.value)
    assert SECRET not in str(refusal.value)


@pytest.mark.parametrize("setting", ["database_url", "worker_database_url", "owner_database_url", "broker_url"])
def test_production_does_not_start_with_a_password_that_was_never_filled_in(
    setting: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(f"IC_{setting.upper()}", "amqp://icentral_invoice:<random>@rabbitmq:5672/")

    with pytest.raises(ValidationError, match=f"IC_{setting.upper()} "):
        ServiceSettings()


@pytest.mark.parametrize("value", LEFT_BEHIND)
def test_tests_and_demos_may_have_secrets_that_say_what_they_are(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IC_ENVIRONMENT", "test")
    monkeypatch.setenv("IC_A_SECRET", value)

    assert TwoSecrets().a_secret == value


@pytest.mark.parametrize("value", [SECRET, OTHER, f"{SECRET},{OTHER}", "0123456789abcdef" * 2, ""])
def test_production_starts_with_what_was_drawn(value: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IC_A_SECRET", value)
    monkeypatch.setenv("IC_DATABASE_URL", "postgresql+asyncpg://app:9cLf6hGy1aQe@postgres:5432/icentral")

    assert TwoSecrets().a_secret == value


@pytest.mark.parametrize("environment", ["production", "demo", "test"])
@pytest.mark.parametrize("pepper", [SECRET, f" {SECRET} ", f"{OTHER},{SECRET}"])
def test_no_environment_starts_with_one_secret_for_two_purposes(
    pepper: str, environment: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IC_ENVIRONMENT", environment)
    monkeypatch.setenv("IC_A_SECRET", SECRET)
    monkeypatch.setenv("IC_A_PEPPER", pepper)

    with pytest.raises(ValidationError, match="IC_A_PEPPER is also IC_A_SECRET") as refusal:
        TwoSecrets()

    assert SECRET not in str(refusal.value)


def test_secrets_that_are_not_set_are_not_the_same() -> None:
    assert TwoSecrets().a_pepper == ""
