"""The plain text of an account mail: what the HTML says, in the same order, with the address on a line of its own."""

from collections.abc import Iterator

from notification_service.mail_rendering.account_picture import AccountPicture
from notification_service.mail_rendering.text_part import PERFORATION


def account_text(picture: AccountPicture) -> str:
    """Lines end with a line feed; the mail's own encoding takes care of long ones."""
    blocks = [
        picture.greeting,
        picture.title,
        "\n".join(picture.lines),
        PERFORATION,
        *_foot(picture),
        *picture.notes,
        "\n".join(("-- ", *picture.foot)),
    ]
    return "\n\n".join(block for block in blocks if block) + "\n"


def _foot(picture: AccountPicture) -> Iterator[str]:
    if picture.button:
        yield f"{picture.button}:\n{picture.button_url}\n{picture.until}"
    if picture.alarm is not None:
        yield picture.alarm.question
        yield f"{picture.alarm.before}{picture.alarm.url_text}{picture.alarm.after}\n{picture.alarm.url}"
