"""The HTML of a mail: one template, everything in it escaped, turned into tables that mail programs agree on."""

from pathlib import Path

import mrml
from jinja2 import Environment, FileSystemLoader, StrictUndefined

from notification_service.mail_rendering.picture import MailPicture


class HtmlWriter:
    """Holds the compiled template; made once for a process."""

    def __init__(self) -> None:
        environment = Environment(
            loader=FileSystemLoader(Path(__file__).parent), autoescape=True, undefined=StrictUndefined, trim_blocks=True
        )
        # Left alone, the library would have every mail program load the fonts that it knows from Google.
        self._options = mrml.RenderOptions(fonts={})
        self._template = environment.get_template("invoice_mail.mjml.j2")

    def html(self, picture: MailPicture) -> str:
        """The same picture gives the same text."""
        has_foot = bool(picture.button or picture.bank or picture.bank_lines)
        markup = self._template.render(p=picture, has_foot=has_foot)
        return mrml.to_html(markup, render_options=self._options).content
