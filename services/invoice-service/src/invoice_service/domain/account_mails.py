"""What is known of a mail about an account, and which of two pieces of news says more."""

from service_kit.errors import DomainError, ErrorKind

QUEUED = "queued"
SECRETS_PER_MAIL_MAX = 25
"""Each try to hand a mail over mints one; within two days there are about 17 tries."""
_HOW_FINAL = {QUEUED: 0, "unknown": 1, "failed": 2, "dropped": 2, "sent": 3}


class AccountMailUnknown(DomainError):
    slug = "account-mail-not-found"
    kind = ErrorKind.NOT_FOUND
    title = "There is no such mail about an account"


class AccountMailMoot(DomainError):
    """Its purpose is gone, so it is dropped and not tried again."""

    slug = "account-mail-moot"
    kind = ErrorKind.CONFLICT
    title = "The mail has no purpose any more"


class AccountSecretDead(DomainError):
    """One answer for a secret that is unknown, expired, used, revoked or overtaken."""

    slug = "account-secret-dead"
    kind = ErrorKind.NOT_FOUND
    title = "The link is not good any more"


def is_further(*, said: str, known: str) -> bool:
    """Whether news replaces what is known: news may come in any order, and what was sent stays sent."""
    return _HOW_FINAL[said] > _HOW_FINAL.get(known, 0)
