"""One installation of the product for one demo: its names, ports, secrets, and what each process is told."""

import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

from service_kit.provision import KINDS, SCHEMAS, database_url
from sqlalchemy.engine import make_url

from deploy.demo.ports import PortClaims

PREFIX = "icdemo_"
ACCOUNT = "acct_1NordlichtDemo"
ACCOUNT_NAME = "Nordlicht Studio"
SMTP_USERNAME = "nordlicht"


@dataclass(frozen=True)
class Ports:
    """All on loopback. What people open stands on the usual port where that is free."""

    invoice_public: int
    invoice_private: int
    invoice_worker: int
    payment_public: int
    payment_private: int
    payment_worker: int
    notification_private: int
    notification_worker: int
    sandbox: int
    smtp: int
    inbox: int


def free_ports(claims: PortClaims) -> Ports:
    usual = (8001, 8101, 8201, 8002, 8102, 8202, 8103, 8203, 12111, 1025, 1080)
    return Ports(*(claims.claim(preferred=port) for port in usual))


@dataclass(frozen=True)
class Secrets:
    passwords: Mapping[str, str]
    invoice_token: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    payment_token: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    page_token: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    api_key_pepper: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    account_secret: str = field(default_factory=lambda: secrets.token_urlsafe(48))
    smtp_password: str = field(default_factory=lambda: secrets.token_urlsafe(24))
    stripe_key: str = field(default_factory=lambda: f"sk_test_{secrets.token_hex(16)}")


def new_secrets() -> Secrets:
    return Secrets(passwords={f"{s}_{k}": secrets.token_urlsafe(24) for s in SCHEMAS for k in KINDS})


@dataclass(frozen=True)
class Instance:
    """``name`` begins the name of everything on the shared servers; nothing outside it is touched.

    ``settings`` are told to every process of the services and come before our own.
    """

    name: str
    folder: Path
    admin_url: str
    broker_url: str
    ports: Ports
    secrets: Secrets
    settings: Mapping[str, str] = field(default_factory=dict)

    @property
    def api_url(self) -> str:
        return _local(self.ports.invoice_public)

    @property
    def payment_url(self) -> str:
        return _local(self.ports.payment_public)

    @property
    def sandbox_url(self) -> str:
        return _local(self.ports.sandbox)

    @property
    def inbox_url(self) -> str:
        return _local(self.ports.inbox)

    @property
    def psql(self) -> str:
        """The command that opens the instance's database as an administrator; a password is asked for, not shown."""
        url = make_url(self.admin_url)
        host, port = url.query.get("host", url.host), url.query.get("port", url.port)
        return f"psql -h {host}{f' -p {port}' if port else ''} -U {url.username} -d {self.name}"

    def environment(self, service: str) -> dict[str, str]:
        """What the processes of ``service`` (invoice, payment or notification) find in their environment."""
        own = {"invoice": self._of_invoice, "payment": self._of_payment, "notification": self._of_notification}
        return {**outer_environment(), **self._of_all(service), **own[service](), **self.settings}

    def _of_all(self, service: str) -> dict[str, str]:
        return {
            "IC_INSTANCE": self.name,
            "IC_ENVIRONMENT": "demo",
            "IC_DATABASE_URL": self._database(service, "app"),
            "IC_WORKER_DATABASE_URL": self._database(service, "worker"),
            "IC_OWNER_DATABASE_URL": self._database(service, "owner"),
            "IC_BROKER_URL": self.broker_url,
            "IC_HOST": "127.0.0.1",
        }

    def _of_invoice(self) -> dict[str, str]:
        return {
            "IC_PUBLIC_PORT": str(self.ports.invoice_public),
            "IC_PRIVATE_PORT": str(self.ports.invoice_private),
            "IC_WORKER_HEALTH_PORT": str(self.ports.invoice_worker),
            "IC_PUBLIC_URL": self.api_url,
            "IC_SERVICE_TOKEN_SECRET": self.secrets.invoice_token,
            "IC_PAYMENT_SERVICE_URL": _local(self.ports.payment_private),
            "IC_PAYMENT_TOKEN_SECRET": self.secrets.payment_token,
            "IC_PAGE_TOKEN_SECRET": self.secrets.page_token,
            "IC_API_KEY_PEPPER": self.secrets.api_key_pepper,
            "IC_ACCOUNT_SECRET": self.secrets.account_secret,
            "IC_DOCS_ENABLED": "true",
            # The demo asks over and over whether something has happened yet.
            "IC_RATE_LIMIT_PER_MINUTE": "60000",
        }

    def _of_payment(self) -> dict[str, str]:
        return {
            "IC_PUBLIC_PORT": str(self.ports.payment_public),
            "IC_PRIVATE_PORT": str(self.ports.payment_private),
            "IC_WORKER_HEALTH_PORT": str(self.ports.payment_worker),
            "IC_SERVICE_TOKEN_SECRET": self.secrets.payment_token,
            "IC_STRIPE_API_BASE": self.sandbox_url,
            "IC_MASTER_KEYS_FILE": str(self.folder / "master.keys"),
            "IC_WEBHOOK_BASE_URL": self.payment_url,
            # Short, so that money is seen within seconds also when a webhook is lost.
            "IC_POLL_SECONDS": "5",
        }

    def _of_notification(self) -> dict[str, str]:
        return {
            "IC_PRIVATE_PORT": str(self.ports.notification_private),
            "IC_WORKER_HEALTH_PORT": str(self.ports.notification_worker),
            "IC_INVOICE_SERVICE_URL": _local(self.ports.invoice_private),
            "IC_INVOICE_TOKEN_SECRET": self.secrets.invoice_token,
            "IC_SMTP_HOST": "127.0.0.1",
            "IC_SMTP_PORT": str(self.ports.smtp),
            "IC_SMTP_SECURITY": "none",
            "IC_SMTP_USERNAME": SMTP_USERNAME,
            "IC_SMTP_PASSWORD": self.secrets.smtp_password,
            "IC_MAIL_FROM": "invoices@nordlicht.example",
            "IC_MESSAGE_ID_DOMAIN": "nordlicht.example",
            "IC_UNKNOWN_WAIT_SECONDS": "5",
        }

    def _database(self, service: str, kind: str) -> str:
        password = self.secrets.passwords[f"{service}_{kind}"]
        return database_url(admin_url=self.admin_url, instance=self.name, schema=service, kind=kind, password=password)


def outer_environment() -> dict[str, str]:
    """Our own environment without settings of the product, which could only be another installation's."""
    return {name: value for name, value in os.environ.items() if not name.startswith("IC_")}


def _local(port: int) -> str:
    return f"http://127.0.0.1:{port}"
