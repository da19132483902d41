"""What a mail server said, without the secret of the mail it spoke of.

Filters like to quote the address they dislike, and their words are kept, logged and told to others.
"""

import re

_PIECE_LENGTH = 8
_FOLDS = re.compile(r"[\s=]+")
_CODE = re.compile(r"\d{3}( \d\.\d{1,3}\.\d{1,3})?")


def without_secret(words: str, *, secret_url: str) -> str:
    """``words`` unless they hold any eight characters in a row of the address's last part; then only their codes.

    Quoted-printable folds and changes of case do not hide a piece.
    """
    if not secret_url:
        return words
    said, secret = _plain(words), _plain(secret_url.rstrip("/").rpartition("/")[2])
    last_start = max(len(secret) - _PIECE_LENGTH, 0)
    if not any(secret[start : start + _PIECE_LENGTH] in said for start in range(last_start + 1)):
        return words
    code = _CODE.match(words)
    return f"{code.group() if code else ''} (the rest repeated the link of the mail)".strip()


def _plain(text: str) -> str:
    return _FOLDS.sub("", text).lower()
