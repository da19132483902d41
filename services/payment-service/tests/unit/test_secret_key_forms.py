"""Which texts may be offered as a Stripe key; nothing that is refused is repeated in the refusal."""

import pytest
from payment_service.domain.secret_keys import KeyWrongKind, LiveKeyInSandbox, read_key_form


@pytest.mark.parametrize(
    ("key", "kind", "live"),
    [
        ("sk_test_51AbCdEfGhIjKlMnOp1234", "secret", False),
        ("sk_live_51AbCdEfGhIjKlMnOp1234", "secret", True),
        ("rk_test_51AbCdEfGhIjKlMnOp1234", "restricted", False),
        ("rk_live_51AbCdEfGhIjKlMnOp1234", "restricted", True),
    ],
)
def test_a_key_says_its_kind_mode_and_last_digits(key: str, kind: str, live: bool) -> None:
    form = read_key_form(key, sandbox=False)

    assert (form.kind, form.live, form.last4) == (kind, live, "1234")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "   ",
        "pk_test_51AbCdEfGhIjKlMnOp1234",
        "whsec_51AbCdEfGhIjKlMnOp1234",
        "sk_org_live_51AbCdEfGhIjKlMnOp",
        "acct_1AbCdEfGhIjKlMnOp",
        "sk_test_",
        "sk_test_short",
        "SK_TEST_51AbCdEfGhIjKlMnOp1234",
        " sk_test_51AbCdEfGhIjKlMnOp1234",
        "sk_test_51AbCdEfGhIjKlMnOp1234\n",
        "sk_test_51AbCd EfGhIjKlMnOp1234",
        "sk_test_51AbCd\x00EfGhIjKlMnOp1234",
        "sk_test_51AbCdÉfGhIjKlMnOp1234",
        "sk_test_" + "a" * 248,
        "Bearer sk_test_51AbCdEfGhIjKlMnOp",
    ],
)
def test_anything_else_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(KeyWrongKind) as refusal:
        read_key_form(text, sandbox=False)

    assert refusal.value.pointer == "/secret_key"
    assert len(text.strip()) < 8 or text.strip()[-8:] not in refusal.value.detail


def test_the_longest_key_that_fits_is_taken() -> None:
    assert read_key_form("sk_test_" + "a" * 247, sandbox=False).last4 == "aaaa"


def test_a_live_key_is_refused_where_stripe_is_a_sandbox() -> None:
    with pytest.raises(LiveKeyInSandbox) as refusal:
        read_key_form("sk_live_51AbCdEfGhIjKlMnOp1234", sandbox=True)

    assert "1234" not in refusal.value.detail
