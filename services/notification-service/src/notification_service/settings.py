"""The only file of this service that reads the environment."""

from ipaddress import ip_address
from typing import Self
from urllib.parse import urlsplit

from pydantic import Field, field_validator, model_validator
from service_kit.settings import Environment, ServiceSettings, refuse_weak_token_secrets

from notification_service.domain.addresses import UnusableAddress, usable_address
from notification_service.mail_gateway import Security


class Settings(ServiceSettings):
    """``mail_retry_scale`` shortens every wait between tries, and the 48 hours after which a mail is given up."""

    private_port: int = Field(default=8103, ge=0, le=65535)
    worker_health_port: int = Field(default=8203, ge=0, le=65535)
    invoice_service_url: str = "http://127.0.0.1:8101"
    invoice_token_secret: str = Field(default="", repr=False)
    smtp_host: str = "127.0.0.1"
    smtp_port: int = Field(default=587, ge=1, le=65535)
    smtp_username: str = Field(default="", repr=False)
    smtp_password: str = Field(default="", repr=False)
    smtp_security: Security = Security.STARTTLS
    smtp_ca_file: str = ""
    smtp_command_seconds: float = Field(default=30.0, gt=0)
    smtp_data_seconds: float = Field(default=600.0, gt=0)
    smtp_connections: int = Field(default=4, ge=1, le=50)
    mail_from: str = ""
    message_id_domain: str = ""
    unknown_wait_seconds: float = Field(default=900.0, ge=0)
    mail_retry_scale: float = Field(default=1.0, gt=0, le=1)

    @field_validator("mail_from")
    @classmethod
    def _usable(cls, value: str) -> str:
        try:
            return usable_address(value) if value else ""
        except UnusableAddress as problem:
            raise ValueError(f"IC_MAIL_FROM is not a plain mail address: {problem}") from None

    @model_validator(mode="after")
    def _refuse_mail_in_the_clear_and_broken_addresses(self) -> Self:
        in_the_clear = self.smtp_security is Security.NONE and not _is_loopback(self.smtp_host)
        if in_the_clear and self.environment is Environment.PRODUCTION:
            raise ValueError("IC_SMTP_SECURITY none is for a mail server on this machine; use starttls or tls")
        if in_the_clear and self.smtp_username:
            raise ValueError("IC_SMTP_USERNAME would travel in the clear; set IC_SMTP_SECURITY to starttls or tls")
        refuse_weak_token_secrets(self, "service_token_secret", "invoice_token_secret")
        parts = urlsplit(self.invoice_service_url)
        if parts.scheme not in ("http", "https") or not parts.netloc or parts.query or parts.fragment:
            raise ValueError("IC_INVOICE_SERVICE_URL is not an http address such as http://127.0.0.1:8101")
        return self

    @property
    def sender_domain(self) -> str:
        """What Message-IDs end with and how we greet a mail server: the sender's own domain unless set otherwise."""
        return self.message_id_domain or self.required("mail_from").rpartition("@")[2]


def _is_loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
