"""What a person may be called: anything that can be shown."""

from service_kit.errors import DomainError

NAME_MAX = 200


class NameRefused(DomainError):
    slug = "name-refused"
    title = "This name cannot be used"


def check_person_name(name: str) -> str:
    """Without spaces around it. Raises `NameRefused`."""
    plain = name.strip()
    if not plain:
        raise NameRefused("Enter your name. It is shown to the others in the organisation.", pointer="/name")
    if len(plain) > NAME_MAX:
        raise NameRefused(f"Use at most {NAME_MAX} characters.", pointer="/name")
    if not plain.isprintable():
        raise NameRefused("Remove the characters that cannot be shown.", pointer="/name")
    return plain
