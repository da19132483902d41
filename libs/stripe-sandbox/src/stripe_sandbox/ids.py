"""Ids in the form of Stripe's: a prefix that names the kind, then random letters and digits."""

import secrets
import string

ALPHABET = string.ascii_letters + string.digits


def random_text(length: int) -> str:
    return "".join(secrets.choice(ALPHABET) for _ in range(length))


def new_id(prefix: str) -> str:
    return f"{prefix}{random_text(24)}"


def new_session_id() -> str:
    return f"cs_test_a1{random_text(58)}"
