"""Writes the customer's page: one HTML text, escaped throughout, and the policy that lets a browser do no more.

No script and no cookie exist here; the style is inline and allowed by its digest, the faces come from this service.
"""

import base64
import hashlib
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

from invoice_service.customer_view import CustomerView
from invoice_service.document_words import words_for

_TEMPLATES = Path(__file__).parent / "customer_page"


@dataclass(frozen=True)
class WrittenPage:
    html: str
    content_security_policy: str


def write_invoice_page(*, view: CustomerView, address: str, pay_url: str = "") -> WrittenPage:
    """``address`` is the path of the page; ``pay_url`` is where paying leads, which browsers check on redirects too."""
    html = (
        _templates().get_template("page.html").render(view=view, address=address, language=view.language, css=_style())
    )
    return WrittenPage(html=html, content_security_policy=_policy(form_targets=["'self'", *_origin(pay_url)]))


def write_unknown_page(*, language: str) -> WrittenPage:
    """The same page for a wrong, an expired and a revoked address; it names nobody."""
    words = words_for(language=language)
    html = _templates().get_template("unknown.html").render(words=words, language=words.language, css=_style())
    return WrittenPage(html=html, content_security_policy=_policy(form_targets=["'none'"]))


@cache
def _templates() -> Environment:
    return Environment(
        loader=FileSystemLoader(_TEMPLATES),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def _style() -> Markup:
    return Markup((_TEMPLATES / "page.css").read_text(encoding="utf-8"))  # noqa: S704


@cache
def _style_digest() -> str:
    return base64.b64encode(hashlib.sha256(_style().encode()).digest()).decode()


def _policy(*, form_targets: list[str]) -> str:
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src 'sha256-{_style_digest()}'",
            "font-src 'self'",
            f"form-action {' '.join(form_targets)}",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


def _origin(url: str) -> list[str]:
    parts = urlsplit(url)
    return [f"{parts.scheme}://{parts.netloc}"] if parts.scheme in ("http", "https") and parts.netloc else []
