"""The words by which things are found."""

import pytest
from invoice_service.domain.search_words import WORD_LENGTH_MAX, words_of, words_to_find


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("INV-2026-0001", {"inv-2026-0001", "inv", "2026", "0001"}),
        ("Zoë's Café", {"zoe", "s", "cafe"}),
        ("STRASSE Straße", {"strasse"}),
        ("a.b@c-d.example", {"a.b", "a", "b", "c-d.example", "c", "d", "example"}),
        ("  ", set()),
        ("%_'", set()),
        ("株式会社 テスト", {"株式会社", "テスト"}),
    ],
)
def test_words_are_folded_and_compounds_kept_whole_and_in_parts(text: str, words: set[str]) -> None:
    assert words_of([text]) == words


def test_a_word_is_stored_up_to_a_length() -> None:
    assert words_of(["x" * 500]) == {"x" * WORD_LENGTH_MAX}
    assert words_to_find("x" * 500) == ("x" * WORD_LENGTH_MAX,)


def test_what_is_searched_for_keeps_its_compounds_and_loses_its_repetitions() -> None:
    assert words_to_find("Inv-2026 ACME acme") == ("inv-2026", "acme")
