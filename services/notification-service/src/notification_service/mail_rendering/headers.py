"""The headers of a mail as bytes, encoded here and not by the standard library's policies.

Those decode an encoded word that a person typed (``=?utf-8?q?=0A?=``) and write its line end into the header, and they
lose or add blanks when they fold long names. Here a text is either plain ASCII as it stands, or encoded as a whole.
"""

from collections.abc import Sequence
from email.header import Header
from email.parser import BytesHeaderParser

_LINE_LENGTH_MAX = 76
# What a display name may hold without quotes: RFC 5322's atoms, and blanks between them.
_PLAIN_IN_A_NAME = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789!#$%&'*+-/=?^_`{|}~ ")


class ForgedHeader(ValueError):
    """The mail would have other headers than were set."""


def header_block(headers: Sequence[tuple[str, str]]) -> bytes:
    """``headers`` are names and values already encoded by the functions below. Raises `ForgedHeader`."""
    raw = "".join(f"{name}: {value}\r\n" for name, value in headers).encode("ascii")
    if list(BytesHeaderParser().parsebytes(raw + b"\r\n").keys()) != [name for name, _ in headers]:
        raise ForgedHeader("a text in this mail would become a header")
    return raw


def text_value(text: str, *, name: str) -> str:
    """One line of text as the value of header ``name``."""
    return text if _is_plain(text) and text.isascii() else _encoded(text, name=name)


def address_value(display_name: str, address: str, *, name: str) -> str:
    """``address`` is a plain one (`domain.addresses`)."""
    if not display_name:
        return address
    if not (display_name.isascii() and _is_plain(display_name)):
        return f"{_encoded(display_name, name=name)}\r\n <{address}>"
    if set(display_name) <= _PLAIN_IN_A_NAME:
        return f"{display_name} <{address}>"
    quoted = display_name.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{quoted}" <{address}>'


def address_list(addresses: Sequence[str]) -> str:
    return ",\r\n ".join(addresses)


def _is_plain(text: str) -> bool:
    return text.isprintable() and "=?" not in text


def _encoded(text: str, *, name: str) -> str:
    return Header(text, charset="utf-8", header_name=name, maxlinelen=_LINE_LENGTH_MAX).encode(linesep="\r\n")
