"""The address behind *Pay now*: Stripe's link with the payer's address filled in and the page in the payer's language.

Stripe ignores a value it cannot use, and the payer may change the filled-in address
(docs.stripe.com/payment-links/url-parameters, read in November 2026).
"""

from contextlib import suppress
from urllib.parse import quote, urlsplit

from notification_service.domain.addresses import UnusableAddress, usable_address


class UnusablePaymentAddress(ValueError):
    """What was called a payment link is not a web address."""


def payment_address(*, url: str, payer: str, stripe_locale: str) -> str:
    """Raises `UnusablePaymentAddress`. ``payer`` is left out where it is not a plain mail address."""
    parts = urlsplit(url)
    if parts.scheme not in ("https", "http") or not parts.netloc or any(sign.isspace() for sign in url):
        raise UnusablePaymentAddress("the payment link is not a web address")
    wishes = [f"locale={quote(stripe_locale, safe='')}"] if stripe_locale else []
    with suppress(UnusableAddress):
        wishes.insert(0, f"prefilled_email={quote(usable_address(payer), safe='')}")
    joined = "&".join(filter(None, (parts.query, *wishes)))
    return parts._replace(query=joined).geturl()


def shown_address(url: str, *, length_max: int = 48) -> str:
    """An address as a person reads it: without its scheme, and cut where it would not fit a line."""
    parts = urlsplit(url)
    text = f"{parts.netloc}{parts.path}"
    return text if len(text) <= length_max else f"{text[: length_max - 1]}…"
