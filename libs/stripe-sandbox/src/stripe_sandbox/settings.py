"""What a sandbox is started with: its accounts, their keys, and its timings. Nothing here reads the environment."""

import re
from dataclasses import dataclass, field

IDLE_SECONDS = 75
"""How long a connection may be idle. Clients give one up after five seconds, which is also the server's own default:
both letting go at the same moment loses a call that has just begun, which Stripe hardly ever does."""
KEY_SHAPE = re.compile(r"(sk|rk)_test_[A-Za-z0-9_]{4,240}")
ACCOUNT_SHAPE = re.compile(r"acct_[A-Za-z0-9]{1,60}")


class BadSettings(ValueError):
    """A setting the sandbox will not start with; the message names it and what to write instead."""


def is_live(key: str) -> bool:
    return "_live_" in key


def check_key(key: str) -> str:
    """The key itself, or `BadSettings`. A live-looking key is refused without being repeated in the message."""
    if is_live(key):
        raise BadSettings("a live Stripe key was given to the sandbox; it only takes sk_test_… and rk_test_… keys")
    if not KEY_SHAPE.fullmatch(key):
        raise BadSettings("a key must look like sk_test_… or rk_test_…, with letters, digits and underscores")
    return key


def check_account(account: str) -> str:
    if not ACCOUNT_SHAPE.fullmatch(account):
        raise BadSettings("an account must look like acct_… with letters and digits")
    return account


@dataclass(frozen=True, kw_only=True)
class KeySpec:
    """`permissions` is None for all; else the names a restricted key has, such as `rak_payment_link_write`."""

    key: str = field(repr=False)
    account: str
    permissions: frozenset[str] | None = None
    expired: bool = False

    def __post_init__(self) -> None:
        check_key(self.key)
        check_account(self.account)


@dataclass(frozen=True, kw_only=True)
class AccountSpec:
    id: str
    name: str
    country: str = "DE"
    default_currency: str = "eur"

    def __post_init__(self) -> None:
        check_account(self.id)


@dataclass(frozen=True, kw_only=True)
class Settings:
    """`public_url` is what links are made of. Durations are seconds; `database` is a file, or None for memory."""

    public_url: str = "http://127.0.0.1:12111"
    keys: tuple[KeySpec, ...] = ()
    accounts: tuple[AccountSpec, ...] = ()
    database: str | None = None
    retry_delays_seconds: tuple[float, ...] = (1.0, 5.0, 30.0)
    delivery_timeout_seconds: float = 10.0
    debit_delay_seconds: float = 3 * 24 * 3600.0

    def named_accounts(self) -> dict[str, AccountSpec]:
        named = {spec.id: spec for spec in self.accounts}
        for key in self.keys:
            named.setdefault(key.account, AccountSpec(id=key.account, name=f"Sandbox {key.account[5:]}"))
        return named


def parse_key(text: str) -> KeySpec:
    """`KEY=ACCOUNT`, `KEY=ACCOUNT:permission+permission`, or `KEY=ACCOUNT:expired`."""
    key, _, rest = text.partition("=")
    account, _, options = rest.partition(":")
    if not account:
        raise BadSettings("write --key as sk_test_…=acct_…")
    if options == "expired":
        return KeySpec(key=key, account=account, expired=True)
    return KeySpec(key=key, account=account, permissions=frozenset(options.split("+")) if options else None)


def parse_account(text: str) -> AccountSpec:
    """`ACCOUNT=Name`, `ACCOUNT=Name:DE:eur`."""
    account, _, rest = text.partition("=")
    name, _, place = rest.partition(":")
    country, _, currency = place.partition(":")
    if not name:
        raise BadSettings("write --account as acct_…=Name or acct_…=Name:DE:eur")
    return AccountSpec(id=account, name=name, country=country or "DE", default_currency=(currency or "eur").lower())
