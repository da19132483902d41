"""Writes the customer's page, which needs neither a script nor a cookie."""

from urllib.parse import urlsplit

from invoice_service.customer_view import CustomerView
from invoice_service.document_words import words_for
from invoice_service.page_writing import WrittenPage as WrittenPage
from invoice_service.page_writing import policy_of, style_of, templates_of

_FOLDER = "customer_page"


def write_invoice_page(*, view: CustomerView, address: str, pay_url: str = "") -> WrittenPage:
    """``address`` is the path of the page; ``pay_url`` is where paying leads, which browsers check on redirects too."""
    template = templates_of(_FOLDER).get_template("page.html")
    html = template.render(view=view, address=address, language=view.language, css=style_of(_FOLDER))
    return WrittenPage(html, policy_of(_FOLDER, form_targets=["'self'", *_origin(pay_url)]))


def write_unknown_page(*, language: str) -> WrittenPage:
    """The same page for a wrong, an expired and a revoked address; it names nobody."""
    words = words_for(language=language)
    template = templates_of(_FOLDER).get_template("unknown.html")
    html = template.render(words=words, language=words.language, css=style_of(_FOLDER))
    return WrittenPage(html, policy_of(_FOLDER, form_targets=["'none'"]))


def _origin(url: str) -> list[str]:
    parts = urlsplit(url)
    return [f"{parts.scheme}://{parts.netloc}"] if parts.scheme in ("http", "https") and parts.netloc else []
