"""What a server's answer means, and that its words are fit to be shown whatever they are."""

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notification_service.domain.smtp_replies import WORDS_MAX, Outcome, clean_words, server_words, verdict_of_reply


@pytest.mark.parametrize(
    ("code", "expected"),
    [
        (250, Outcome.ACCEPTED),
        (251, Outcome.ACCEPTED),
        (421, Outcome.DEFERRED),
        (450, Outcome.DEFERRED),
        (354, Outcome.DEFERRED),
        (-1, Outcome.DEFERRED),
        (999, Outcome.DEFERRED),
        (550, Outcome.REFUSED),
        (554, Outcome.REFUSED),
    ],
)
def test_a_code_has_one_meaning(code: int, expected: Outcome) -> None:
    assert verdict_of_reply(code, "words").outcome is expected


def test_words_are_one_line_without_anything_that_could_forge_a_log_or_a_page() -> None:
    words = server_words(550, "5.1.1 No\r\nsuch\x1b[31m user\u202e\x00 \udcff here\t!")

    assert words == "550 5.1.1 No such [31m user here !"


@given(st.text(st.characters(codec=None, exclude_categories=()), max_size=400))
def test_any_words_become_short_and_printable(text: str) -> None:
    words = clean_words(text)

    assert len(words) <= WORDS_MAX
    assert not any(unicodedata.category(sign) in ("Cc", "Cs", "Zl", "Zp") for sign in words)
    words.encode()
