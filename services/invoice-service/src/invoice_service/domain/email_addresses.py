"""When two e-mail addresses are one person's: the form in which addresses are stored to be compared."""


def email_key(email: str) -> str:
    """Without regard to case and to spaces around it. What is kept beside it is the address as it was typed."""
    return email.strip().casefold()
