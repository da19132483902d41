"""What every action on a person's account is given: where rows are, how secrets and passwords are checked, how long
sessions live, and where people sign in."""

from dataclasses import dataclass

from service_kit.database import Database

from invoice_service.domain.account_secrets import AccountSecrets
from invoice_service.password_gateway import Passwords


@dataclass(frozen=True)
class AccountDesk:
    """``public_url`` has no slash at its end."""

    database: Database
    secrets: AccountSecrets
    passwords: Passwords
    idle_seconds: int
    lifetime_seconds: int
    public_url: str

    @property
    def sign_in_url(self) -> str:
        return f"{self.public_url}/sign-in"
