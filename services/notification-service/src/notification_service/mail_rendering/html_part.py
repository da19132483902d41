"""The HTML of a mail: a template for each sort, all text escaped, turned into tables that mail programs agree on."""

from pathlib import Path

import mrml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from notification_service.mail_rendering.account_picture import AccountPicture
from notification_service.mail_rendering.picture import MailPicture


class HtmlWriter:
    """Holds the compiled templates; made once for a process."""

    def __init__(self) -> None:
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        # Left alone, the library would have every mail program load the fonts that it knows from Google.
        self._options = mrml.RenderOptions(fonts={})
        self._invoice_mail = environment.get_template("invoice_mail.mjml.j2")
        self._account_mail = environment.get_template("account_mail.mjml.j2")

    def html(self, picture: MailPicture) -> str:
        """The same picture gives the same text."""
        has_foot = bool(picture.button or picture.bank or picture.bank_lines)
        return self._finished(self._invoice_mail.render(p=picture, has_foot=has_foot))

    def account_html(self, picture: AccountPicture) -> str:
        """The same picture gives the same text."""
        return self._finished(self._account_mail.render(p=picture))

    def _finished(self, markup: str) -> str:
        return mrml.to_html(markup, render_options=self._options).content
