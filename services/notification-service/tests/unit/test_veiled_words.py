"""A mail server may quote the link it dislikes; what we keep of its words does not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notification_service.domain.veiled_words import without_secret

TOKEN = "ic_reset_q3Vd8sKxYp2mT7wRz0LbNfGhJcE5uA1oI9tXkMvBy64"
URL = f"https://invoices.nordlicht.example/reset-password/{TOKEN}"


@pytest.mark.parametrize(
    "quoted",
    [
        URL,
        TOKEN,
        TOKEN[:30],
        TOKEN[-9:],
        TOKEN.upper(),
        TOKEN.lower(),
        f"{TOKEN[:20]}=\r\n{TOKEN[20:]}",
        " ".join(TOKEN),
    ],
)
def test_words_that_repeat_a_piece_of_the_secret_shrink_to_their_codes(quoted: str) -> None:
    kept = without_secret(f"550 5.7.1 Blocked: {quoted} is listed", secret_url=URL)

    assert kept == "550 5.7.1 (the rest repeated the link of the mail)"


@given(start=st.integers(0, len(TOKEN) - 8), length=st.integers(8, len(TOKEN)), around=st.text(max_size=20))
def test_no_eight_characters_of_the_secret_survive(start: int, length: int, around: str) -> None:
    kept = without_secret(f"{around}{TOKEN[start : start + length]}{around}", secret_url=URL)

    assert TOKEN[start : start + 8] not in kept


@pytest.mark.parametrize(
    "words",
    [
        "",
        "550 5.1.1 No such user",
        "554 5.7.1 https://invoices.nordlicht.example is not welcome here",
        "the connection was lost",
    ],
)
def test_other_words_stay_as_they_are(words: str) -> None:
    assert without_secret(words, secret_url=URL) == words


def test_a_mail_without_a_secret_keeps_every_word() -> None:
    assert without_secret(f"550 {URL}", secret_url="") == f"550 {URL}"


def test_words_without_a_code_keep_nothing_of_their_own() -> None:
    assert without_secret(f"blocked {URL}", secret_url=URL) == "(the rest repeated the link of the mail)"
