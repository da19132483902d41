"""The only file of this service that reads the environment."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator
from service_kit.settings import (
    Environment,
    MissingSetting,
    ServiceSettings,
    refuse_equal_secrets,
    refuse_weak_token_secrets,
)

from invoice_service.request_quotas import CALLER_PER_MINUTE, PAGE_PER_MINUTE, STRANGER_PER_MINUTE

SECRET_LENGTH_MIN = 32
PER_MINUTE_MAX = 1_000_000


class Settings(ServiceSettings):
    """``public_url`` is where customers reach ``/i/{token}``; ``payment_service_url`` is a private listener.

    ``rate_limit_per_minute`` is for each key or person, ``…_wrong_…`` for wrong credentials of one network,
    ``…_page_…`` for one network at customers' pages. Each replica counts alone.
    """

    public_url: str = "http://127.0.0.1:8001"
    payment_service_url: str = "http://127.0.0.1:8102"
    payment_token_secret: str = Field(default="", repr=False)
    page_token_secret: str = Field(default="", repr=False)
    api_key_pepper: str = Field(default="", repr=False)
    account_secret: str = Field(default="", repr=False)
    session_idle_minutes: int = Field(default=480, ge=5, le=1440)
    session_lifetime_hours: int = Field(default=168, ge=1, le=720)
    docs_enabled: bool = False
    rate_limit_per_minute: int = Field(default=CALLER_PER_MINUTE, ge=1, le=PER_MINUTE_MAX)
    rate_limit_wrong_per_minute: int = Field(default=STRANGER_PER_MINUTE, ge=1, le=PER_MINUTE_MAX)
    rate_limit_page_per_minute: int = Field(default=PAGE_PER_MINUTE, ge=1, le=PER_MINUTE_MAX)

    @property
    def api_keys_are_live(self) -> bool:
        """Keys made in a demo or a test say so in their text."""
        return self.environment is Environment.PRODUCTION

    @model_validator(mode="after")
    def _refuse_weak_secrets_and_broken_addresses(self) -> Self:
        ours = ("page_token_secret", "api_key_pepper", "account_secret")
        for name in ours:
            value = str(getattr(self, name))
            if value and len(value) < SECRET_LENGTH_MIN:
                raise ValueError(f"IC_{name.upper()} needs at least {SECRET_LENGTH_MIN} characters")
        refuse_weak_token_secrets(self, "service_token_secret", "payment_token_secret")
        refuse_equal_secrets(self, "service_token_secret", "payment_token_secret", *ours)
        for name in ("public_url", "payment_service_url"):
            parts = urlsplit(str(getattr(self, name)))
            if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
                raise ValueError(f"IC_{name.upper()} is not an http address such as https://invoices.example.com")
        return self

    @model_validator(mode="after")
    def _refuse_plain_http_in_production(self) -> Self:
        given = "public_url" in self.model_fields_set
        if given and self.environment is Environment.PRODUCTION and urlsplit(self.public_url).scheme != "https":
            raise ValueError(
                "IC_PUBLIC_URL must be https in production: sessions and page addresses would travel in the clear; "
                "name the address of your TLS proxy, or set IC_ENVIRONMENT to demo"
            )
        return self

    def served_at(self) -> str:
        """``public_url``. Raises `MissingSetting` in production when nobody named it; elsewhere it is this machine."""
        if self.environment is Environment.PRODUCTION and "public_url" not in self.model_fields_set:
            raise MissingSetting("IC_PUBLIC_URL is not set")
        return self.public_url
