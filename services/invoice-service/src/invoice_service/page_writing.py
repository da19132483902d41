"""How every page of this service is written: escaped throughout, in one look, under a policy that lets a browser do no
more. No script runs; the style is inline and allowed by its digest, the faces come from this service."""

import base64
import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined
from markupsafe import Markup

_HERE = Path(__file__).parent


@dataclass(frozen=True)
class WrittenPage:
    html: str
    content_security_policy: str


@cache
def templates_of(folder: str) -> Environment:
    """The folder's own and what all pages share. A name that is not given to a template is an error."""
    return Environment(
        loader=FileSystemLoader([_HERE / folder, _HERE / "page_look"]),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )


@cache
def style_of(folder: str) -> Markup:
    """What all pages share, then the folder's own."""
    sheets = (_HERE / "page_look" / "look.css", _HERE / folder / "page.css")
    return Markup("\n".join(sheet.read_text(encoding="utf-8") for sheet in sheets))  # noqa: S704 - our own files


def policy_of(folder: str, *, form_targets: Sequence[str]) -> str:
    """The Content-Security-Policy. ``form_targets`` are also where an answer to a form may lead."""
    return "; ".join(
        [
            "default-src 'none'",
            f"style-src 'sha256-{_style_digest(folder)}'",
            "font-src 'self'",
            f"form-action {' '.join(form_targets)}",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


@cache
def _style_digest(folder: str) -> str:
    return base64.b64encode(hashlib.sha256(style_of(folder).encode()).digest()).decode()
