"""The settings that every service shares; a service's settings.py subclasses them and alone reads the environment."""

import re
from enum import StrEnum
from typing import Self

from pydantic import Field, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from service_kit.client_address import MalformedProxies, TrustedProxies
from service_kit.http_door import HttpDoor, MalformedOrigins, listed_origins
from service_kit.service_tokens import SECRET_LENGTH_MIN, WeakSecret, listed_secrets

DIFFERENT_CHARACTERS_MIN = 8
"""In a secret of 32 characters or more. A drawn one has fewer once in ten million times, a typed one often."""
_LEFT_BEHIND = re.compile(
    r"<[^>]*>|change[-_ ]?(me|this)|replace[-_ ]?(me|this)|placeholder|your[-_ ]?(secret|password)", re.IGNORECASE
)


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
    trusted_proxies: str = ""
    cors_origins: str = ""
    http_connections_max: int = Field(default=500, ge=10, le=100_000)
    http_header_seconds: float = Field(default=10, gt=0, le=120)
    http_body_seconds: float = Field(default=30, gt=0, le=600)
    http_handler_seconds: float = Field(default=60, gt=0, le=600)

    @model_validator(mode="after")
    def _refuse_what_production_must_not_have(self) -> Self:
        if self.crash_at and self.environment is Environment.PRODUCTION:
            raise ValueError("IC_CRASH_AT is for tests; unset it, or set IC_ENVIRONMENT to test")
        if self.environment is Environment.PRODUCTION:
            _refuse_what_an_example_left(self)
        refuse_weak_token_secrets(self, "service_token_secret")
        return self

    @model_validator(mode="after")
    def _refuse_what_would_open_a_door_to_everybody(self) -> Self:
        try:
            TrustedProxies.listed(self.trusted_proxies)
        except MalformedProxies as malformed:
            raise ValueError(f"IC_TRUSTED_PROXIES: {malformed}") from None
        try:
            self._origins()
        except MalformedOrigins as malformed:
            raise ValueError(f"IC_CORS_ORIGINS: {malformed}") from None
        return self

    def http_door(self, *, https: bool = False, cross_origin: bool = False) -> HttpDoor:
        """For `create_api`. ``cross_origin`` only where pages of other origins are to be let in at all."""
        return HttpDoor(
            trusted_proxies=TrustedProxies.listed(self.trusted_proxies),
            cors_origins=self._origins() if cross_origin else (),
            https=https,
            connections_max=self.http_connections_max,
            header_seconds=self.http_header_seconds,
            body_seconds=self.http_body_seconds,
            handler_seconds=self.http_handler_seconds,
        )

    def _origins(self) -> tuple[str, ...]:
        return listed_origins(self.cors_origins, plain_http=self.environment is not Environment.PRODUCTION)

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


def refuse_equal_secrets(settings: ServiceSettings, *names: str) -> None:
    """Each purpose has a secret of its own, so losing one is losing one. Raises `ValueError` with both variables."""
    seen: dict[str, str] = {}
    for name in names:
        variable = f"IC_{name.upper()}"
        for each in _listed(settings, name):
            if seen.setdefault(each, variable) != variable:
                raise ValueError(f"{variable} is also {seen[each]}; every secret has a value of its own")


def _refuse_what_an_example_left(settings: ServiceSettings) -> None:
    """Looks at every field that is kept out of the repr; addresses may hold an unfilled password."""
    for name, field in type(settings).model_fields.items():
        if not field.repr and any(_is_left_behind(name, each) for each in _listed(settings, name)):
            raise ValueError(
                f"IC_{name.upper()} holds what an example left there; "
                "draw a value with: python3 -c 'import secrets; print(secrets.token_urlsafe(36))'"
            )


def _is_left_behind(name: str, text: str) -> bool:
    drawn_by_us = name.endswith(("_secret", "_pepper")) and len(text) >= SECRET_LENGTH_MIN
    return bool(_LEFT_BEHIND.search(text)) or (drawn_by_us and len(set(text)) < DIFFERENT_CHARACTERS_MIN)


def _listed(settings: ServiceSettings, name: str) -> list[str]:
    return [each.strip() for each in str(getattr(settings, name)).split(",") if each.strip()]
