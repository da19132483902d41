"""Which addresses of the web may stand behind a button of a mail: plain ones of http or https, and no others.

What passes has no blank, no control character, no user name and nothing that a browser would read in another way.
"""

import re
from urllib.parse import urlsplit

ADDRESS_LENGTH_MAX = 2000

_ADDRESS = re.compile(r"https?://[A-Za-z0-9.\-]+(:[0-9]{1,5})?(/[A-Za-z0-9._~!$&'()*+,;=:@%/?#-]*)?")


class UnusableWebAddress(ValueError):
    """The text is no address that a mail may lead to. The message does not repeat it."""


def usable_web_address(text: str) -> str:
    """Raises `UnusableWebAddress`."""
    if len(text) > ADDRESS_LENGTH_MAX or not _ADDRESS.fullmatch(text):
        raise UnusableWebAddress("it is not a plain address of the web")
    return text


def origin(address: str) -> str:
    """``https://host:port`` as a browser compares them, of an address that passed `usable_web_address`."""
    parts = urlsplit(address)
    usual = {"http": "80", "https": "443"}[parts.scheme]
    host, _, port = parts.netloc.lower().partition(":")
    return f"{parts.scheme}://{host}:{int(port or usual)}"
