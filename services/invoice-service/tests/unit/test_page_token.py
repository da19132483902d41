"""The durable address proves itself, and nothing near it does."""

from uuid import UUID

import pytest
from invoice_service.domain.page_token import PageClaim, PageTokenInvalid, make_page_token, read_page_token

ORGANIZATION = UUID("01934b5c-0000-7000-8000-000000000001")
INVOICE = UUID("01934b5c-0000-7000-8000-000000000002")
SECRET = "a secret of the page tokens alone"


def token(**changed: object) -> str:
    inputs = {"secret": SECRET, "organization_id": ORGANIZATION, "invoice_id": INVOICE, "generation": 1, **changed}
    return make_page_token(**inputs)  # type: ignore[arg-type]


def test_a_token_names_what_it_was_made_for_and_is_the_same_each_time() -> None:
    made = token(generation=7)

    assert made == token(generation=7)
    assert read_page_token(secret=SECRET, token=made) == PageClaim(ORGANIZATION, INVOICE, 7)
    assert made.replace("-", "").replace("_", "").isalnum()


def test_a_new_generation_is_another_token() -> None:
    assert token(generation=1) != token(generation=2)


def test_another_secret_does_not_open_it() -> None:
    with pytest.raises(PageTokenInvalid):
        read_page_token(secret="another secret", token=token())


def test_no_single_changed_character_is_accepted() -> None:
    made = token()

    for position, character in enumerate(made):
        other = "A" if character != "A" else "B"
        with pytest.raises(PageTokenInvalid):
            read_page_token(secret=SECRET, token=made[:position] + other + made[position + 1 :])


@pytest.mark.parametrize("text", ["", "x", "é" * 71, "A" * 71, "A" * 100_000, "=" * 71, "\x00" * 71])
def test_other_text_is_not_a_token(text: str) -> None:
    with pytest.raises(PageTokenInvalid):
        read_page_token(secret=SECRET, token=text)


def test_without_a_secret_no_token_is_made() -> None:
    with pytest.raises(ValueError, match="empty"):
        token(secret="")
