"""Prose with code spans and emphasis, taken apart into plain pieces that a template escapes: no text becomes markup.

Of CommonMark it knows paragraphs, `code`, **strong** and *emphasis*; everything else stays as it was written.
"""

import re
from dataclasses import dataclass
from enum import StrEnum

_CODE = re.compile(r"`([^`]+)`")
_STRESSED = re.compile(
    r"\*\*(?P<strong>[^*\s](?:[^*]*[^*\s])?)\*\*"
    r"|(?<![\w*])\*(?P<em>[^*\s](?:[^*]*[^*\s])?)\*(?![\w*])"
)


class Style(StrEnum):
    PLAIN = "plain"
    CODE = "code"
    STRONG = "strong"
    EM = "em"


@dataclass(frozen=True)
class Piece:
    text: str
    style: Style = Style.PLAIN


Paragraph = tuple[Piece, ...]


def paragraphs_of(text: str) -> tuple[Paragraph, ...]:
    """A blank line parts them; a single line break is a space."""
    blocks = (" ".join(block.split()) for block in re.split(r"\n\s*\n", text))
    return tuple(line_of(block) for block in blocks if block)


def line_of(text: str) -> Paragraph:
    """One paragraph. Inside of code nothing is emphasis."""
    found: list[Piece] = []
    for turn, part in enumerate(_CODE.split(text)):
        found.extend([Piece(part, Style.CODE)] if turn % 2 else _stressed(part))
    return tuple(piece for piece in found if piece.text)


def _stressed(text: str) -> list[Piece]:
    found, end = [], 0
    for match in _STRESSED.finditer(text):
        style = Style.STRONG if match["strong"] else Style.EM
        found += [Piece(text[end : match.start()]), Piece(match["strong"] or match["em"], style)]
        end = match.end()
    return [*found, Piece(text[end:])]
