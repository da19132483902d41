"""The settings that every service shares; a service's settings.py subclasses them and alone reads the environment."""

from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

SERVICE_TOKEN_SECRET_LENGTH_MIN = 32


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
        if self.service_token_secret and len(self.service_token_secret) < SERVICE_TOKEN_SECRET_LENGTH_MIN:
            raise ValueError(f"IC_SERVICE_TOKEN_SECRET needs at least {SERVICE_TOKEN_SECRET_LENGTH_MIN} characters")
        return self

    def required(self, name: str) -> str:
        """The text of setting ``name``. Raises `MissingSetting` with the variable to set when it is empty."""
        value = str(getattr(self, name))
        if not value:
            raise MissingSetting(f"IC_{name.upper()} is not set")
        return value
