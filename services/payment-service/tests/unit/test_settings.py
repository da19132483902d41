"""Settings refuse what must not start."""

import pytest
from payment_service.settings import Settings
from pydantic import ValidationError


@pytest.mark.parametrize("address", ["http://pay.example.com", "HTTP://pay.example.com", "pay.example.com", "ftp://a"])
def test_production_takes_webhooks_by_https_only(address: str) -> None:
    with pytest.raises(ValidationError, match=r"IC_WEBHOOK_BASE_URL must be https in production: .* IC_ENVIRONMENT"):
        Settings.model_validate({"webhook_base_url": address})


@pytest.mark.parametrize(
    ("environment", "address"),
    [("production", "https://pay.example.com"), ("production", ""), ("demo", "http://payment-app:8002")],
)
def test_what_stripe_can_reach_and_what_a_sandbox_can_reach_is_taken(environment: str, address: str) -> None:
    settings = Settings.model_validate({"environment": environment, "webhook_base_url": address})

    assert settings.webhook_base_url == address
