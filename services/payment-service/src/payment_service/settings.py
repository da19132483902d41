"""The only reader of the environment in this service."""

from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, model_validator
from service_kit.settings import Environment, ServiceSettings

REAL_STRIPE = "https://api.stripe.com"


class Settings(ServiceSettings):
    """``stripe_api_base`` other than the real one is a sandbox: everything says so and live keys are refused.

    ``master_keys_file`` is the path of a keyring, one ``kid:base64`` a line, the first current; it stands instead of
    ``master_keys``, and is read again when it changes. ``initial_master_keys`` are what a new keyring begins with,
    for an installation whose keys were in ``master_keys`` before.
    """

    public_port: int = Field(default=8002, ge=0, le=65535)
    private_port: int = Field(default=8102, ge=0, le=65535)
    worker_health_port: int = Field(default=8202, ge=0, le=65535)
    stripe_api_base: str = REAL_STRIPE
    master_keys: str = Field(default="", repr=False)
    master_keys_file: str = ""
    initial_master_keys: str = Field(default="", repr=False)
    webhook_base_url: str = ""
    poll_seconds: float = Field(default=300, gt=0)
    stripe_requests_per_second: float = Field(default=15, gt=0, le=100)

    @model_validator(mode="after")
    def _refuse_plain_http_in_production(self) -> Self:
        given = self.webhook_base_url
        if given and self.environment is Environment.PRODUCTION and urlsplit(given).scheme != "https":
            raise ValueError(
                "IC_WEBHOOK_BASE_URL must be https in production: Stripe delivers nowhere else; "
                "name the address of your TLS proxy, or set IC_ENVIRONMENT to demo"
            )
        return self

    @property
    def sandbox(self) -> bool:
        return self.stripe_api_base.rstrip("/") != REAL_STRIPE
