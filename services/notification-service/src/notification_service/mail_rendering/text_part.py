"""The plain text of a mail: what the HTML says, in the same order, with the amount on a line of its own."""

from collections.abc import Iterable, Iterator

from notification_service.mail_rendering.picture import MailPicture
from notification_service.mail_rendering.stub_rows import Row

PERFORATION = "- " * 28 + "-"


def plain_text(picture: MailPicture) -> str:
    """Lines end with a line feed; the mail's own encoding takes care of long ones."""
    blocks = [
        *_sandbox(picture),
        picture.greeting,
        *("\n".join(paragraph) for paragraph in picture.message),
        f"{picture.due}\n{picture.amount.text}\n{picture.number}",
        "\n".join(_aligned(picture.rows, to_the_right=True)),
        *_foot(picture),
        *("\n".join(paragraph) for paragraph in picture.notes),
        "\n".join(picture.sign_off),
        *(picture.words.attached.format(filename=name) for name in picture.attachments),
        "\n".join(filter(None, ("-- ", picture.address, picture.reply))),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _sandbox(picture: MailPicture) -> Iterator[str]:
    if picture.sandbox:
        yield f"[ {picture.words.sandbox} {picture.words.sandbox_text} ]"


def _foot(picture: MailPicture) -> Iterator[str]:
    if picture.button or picture.bank or picture.bank_lines:
        yield PERFORATION
    if picture.button:
        yield "\n".join(filter(None, (f"{picture.button}:", picture.button_url, picture.pay_where)))
    if picture.durable_url and picture.button_url != picture.durable_url:
        yield f"{picture.words.any_time_label}\n{picture.durable_url}"
    if picture.bank:
        yield "\n".join((picture.words.bank_transfer, *_aligned(picture.bank, to_the_right=False)))
    if picture.bank_lines:
        yield "\n".join(picture.bank_lines)


def _aligned(rows: Iterable[Row], *, to_the_right: bool) -> list[str]:
    table = tuple(rows)
    width = min(max((len(row.label) for row in table), default=0), 40)
    figures = max((len(row.value) for row in table), default=0) if to_the_right else 0
    return [f"  {row.label:<{width}}  {row.value:>{figures}}" for row in table]
