"""Writes the reference of the API as one page that needs nothing else: no script, and no file of another host."""

from collections.abc import Mapping
from typing import Any

from invoice_service.api_reference_view import Facts, reference_of
from invoice_service.page_writing import WrittenPage, policy_of, style_of, templates_of

_FOLDER = "api_reference"


def write_reference(document: Mapping[str, Any], facts: Facts) -> WrittenPage:
    """``document`` is OpenAPI 3.1, as `api.api_document.describe` gives it."""
    html = (
        templates_of(_FOLDER)
        .get_template("page.html")
        .render(css=style_of(_FOLDER), reference=reference_of(document, facts))
    )
    return WrittenPage(html, policy_of(_FOLDER, form_targets=["'none'"]))
