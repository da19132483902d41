"""The settings that every service shares; a service's settings.py subclasses them and alone reads the environment."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from service_kit.service_tokens import WeakSecret, listed_secrets


class Environment(StrEnum):
    PRODUCTION = "production"
    DEMO = "demo"
    TEST = "test"


class MissingSetting(ValueError):
    """A process needs a setting that is not there."""


class ServiceSettings(BaseSettings):
    """Every field is ``IC_`` and its name in capitals. Fields that hold a secret are left out of the repr."""

    model_config = SettingsConfigDict(env_prefix="IC_", extra="ignore", frozen=True, hide_input_in_errors=True)

    instance: str = Field(default="icentral", pattern=r"^[a-z][a-z0-9_]{0,30}$")
    environment: Environment = Environment.PRODUCTION
    database_url: str = Field(default="", repr=False)
    worker_database_url: str = Field(default="", repr=False)
    owner_database_url: str = Field(default="", repr=False)
    broker_url: str = Field(default="", repr=False)
    service_token_secret: str = Field(default="", repr=False)
    host: str = "127.0.0.1"
    public_port: int = Field(default=8001, ge=0, le=65535)
    private_port: int = Field(default=8101, ge=0, le=65535)
    worker_health_port: int = Field(default=8201, ge=0, le=65535)
    log_format: str = Field(default="json", pattern="^(json|console)$")
    log_level: str = Field(default="INFO", pattern="^(?i:debug|info|warning|error)$")
    crash_at: str = ""

    @model_validator(mode="after")
    def _refuse_what_production_must_not_have(self) -> Self:
        if self.crash_at and self.environment is Environment.PRODUCTION:
            raise ValueError("IC_CRASH_AT is for tests; unset it, or set IC_ENVIRONMENT to test")
        refuse_weak_token_secrets(self, "service_token_secret")
        return self

    def required(self, name: str) -> str:
        """The text of setting ``name``. Raises `MissingSetting` with the variable to set when it is empty."""
        value = str(getattr(self, name))
        if not value:
            raise MissingSetting(f"IC_{name.upper()} is not set")
        return value


def refuse_weak_token_secrets(settings: ServiceSettings, *names: str) -> None:
    """For lists of service token secrets, one per audience. Raises `ValueError` with the variable to mend.

    Two audiences never share a secret: whoever may call one of them could call the other.
    """
    seen: set[str] = set()
    for name in names:
        value, variable = str(getattr(settings, name)), f"IC_{name.upper()}"
        try:
            listed = set(listed_secrets(value)) if value else set()
        except WeakSecret as weak:
            raise ValueError(f"{variable}: {weak}") from None
        if seen & listed:
            raise ValueError(f"{variable} holds a secret of another audience; each audience has its own")
        seen |= listed
