"""The text of an API key and the proof that is kept of it."""

from uuid import UUID

import pytest
from invoice_service.domain.api_keys import KeyClaim, key_proof, key_text, proofs_match, read_key_text

KEY_ID = UUID("01a20400-0000-7000-8000-00000000000a")
SECRET = "A_-" + "b" * 40


def test_a_key_says_its_kind_and_its_id() -> None:
    text = key_text(prefix="ic_test", key_id=KEY_ID, secret=SECRET)

    assert read_key_text(text) == KeyClaim(prefix="ic_test", key_id=KEY_ID)
    assert text.startswith("ic_test_")
    assert text.endswith(f"_{SECRET}")


@pytest.mark.parametrize(
    "text",
    ["", "ic_test", "sk_test_" + "0" * 26 + "_" + "a" * 43, "ic_test_" + "0" * 26 + "_" + "a" * 42,
     "ic_test_" + "0" * 26 + "_" + "a" * 44, "ic_test_" + "u" * 26 + "_" + "a" * 43,
     "ic_test_" + "z" * 26 + "_" + "a" * 43, "ic_test_" + "0" * 26 + "_" + "ä" * 43],
)  # fmt: skip
def test_what_is_not_a_key_is_not_read_as_one(text: str) -> None:
    assert read_key_text(text) is None


def test_a_proof_depends_on_every_part_of_the_key_and_on_the_pepper() -> None:
    text = key_text(prefix="ic_test", key_id=KEY_ID, secret=SECRET)
    proof = key_proof(text=text, pepper="pepper")

    others = [
        key_proof(text=text, pepper="other"),
        key_proof(text=text.replace("test", "live"), pepper="pepper"),
        key_proof(text=text[:-1] + "c", pepper="pepper"),
    ]

    assert len(proof) == 32
    assert proofs_match(proof, key_proof(text=text, pepper="pepper"))
    assert not any(proofs_match(proof, other) for other in others)


def test_without_a_pepper_nothing_is_proven() -> None:
    with pytest.raises(ValueError, match="empty"):
        key_proof(text="ic_test", pepper="")
