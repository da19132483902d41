"""Text from people, made fit for a mail: no control characters, and line ends that mean what they look like."""

import re

# Besides C0 and C1 controls: halves of surrogate pairs, and the marks that turn the direction of the text after them.
_UNPRINTABLE = re.compile(r"[\x00-\x08\x0b-\x1f\x7f-\x9f\ud800-\udfff\u202a-\u202e\u2066-\u2069\ufeff\ufffe\uffff]")
_LINE_ENDS = re.compile(r"\r\n|[\r\x0b\x0c\x85\u2028\u2029]")
_BLANKS = re.compile(r"[^\S\xa0\u202f]+")


def one_line(text: str, *, length_max: int = 200) -> str:
    """For headers, names and labels."""
    line = _BLANKS.sub(" ", _UNPRINTABLE.sub("", _LINE_ENDS.sub(" ", text))).strip()
    return line if len(line) <= length_max else f"{line[: length_max - 1].rstrip()}…"


def paragraphs(text: str) -> tuple[tuple[str, ...], ...]:
    """Lines, grouped by the blank lines between them; no empty lines and no empty groups are left."""
    groups: list[list[str]] = [[]]
    for raw in _LINE_ENDS.sub("\n", text).split("\n"):
        line = one_line(raw, length_max=4000)
        if line:
            groups[-1].append(line)
        elif groups[-1]:
            groups.append([])
    return tuple(tuple(group) for group in groups if group)
