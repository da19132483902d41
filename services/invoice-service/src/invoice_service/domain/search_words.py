"""The words to find things by: lower case, letters and digits, and compounds such as INV-2026-0001 also whole."""

import re
import unicodedata
from collections.abc import Iterable

WORD_LENGTH_MAX = 60
_PIECE = re.compile(r"[^\W_]+(?:[-./][^\W_]+)*")
_PART = re.compile(r"[^\W_]+")


def words_of(texts: Iterable[str]) -> frozenset[str]:
    """Every word of ``texts`` to be stored; compounds are stored whole and in parts."""
    found: set[str] = set()
    for text in texts:
        for piece in _PIECE.findall(_folded(text)):
            found.add(piece[:WORD_LENGTH_MAX])
            found.update(part[:WORD_LENGTH_MAX] for part in _PART.findall(piece))
    return frozenset(found)


def words_to_find(text: str) -> tuple[str, ...]:
    """The beginnings of words that something must have, each of them, to be found by ``text``."""
    return tuple(dict.fromkeys(piece[:WORD_LENGTH_MAX] for piece in _PIECE.findall(_folded(text))))


def _folded(text: str) -> str:
    """Without case and accents, so that ``zoe`` finds ``Zoë``."""
    plain = unicodedata.normalize("NFKD", text.casefold())
    return "".join(character for character in plain if not unicodedata.combining(character))
