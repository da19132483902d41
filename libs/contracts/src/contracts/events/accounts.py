"""What invoice-service says about people's accounts: a mail is to go to one of them. No secret ever travels here."""

from enum import StrEnum
from typing import ClassVar

from pydantic import AwareDatetime

from contracts.event import Event
from contracts.ids import MailId


class AccountMailKind(StrEnum):
    INVITATION = "invitation"
    PASSWORD_RESET = "password_reset"  # noqa: S105 - the name of a kind
    PASSWORD_CHANGED = "password_changed"  # noqa: S105 - the name of a kind


class AccountMailRequested(Event):
    """A mail about an account, such as an invitation. What its button opens is asked for when the mail is made.

    ``role`` is the invited one: owner, accountant or viewer. ``expires_in_hours`` is how long the mail's secret is good
    for, and 0 where there is none.
    """

    event_type: ClassVar[str] = "invoice.account_mail_requested.v1"
    aggregate: ClassVar[tuple[str, str]] = ("mail_id", "mail")

    mail_id: MailId
    kind: AccountMailKind
    to: str
    language: str = "en"
    person_name: str = ""
    organization_name: str = ""
    inviter_name: str = ""
    role: str = ""
    expires_in_hours: int = 0
    sign_in_url: str
    happened_at: AwareDatetime | None = None
    """When the password was changed; where it is not said, a notice names the time at which it was asked for."""
