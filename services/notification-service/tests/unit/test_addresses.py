"""Only plain addresses reach a mail server; a domain is told in ASCII."""

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st
from notification_service.domain.addresses import UnusableAddress, distinct, usable_address


@pytest.mark.parametrize(
    ("given_address", "expected"),
    [
        ("dolores@harborstreet.example", "dolores@harborstreet.example"),
        (" Anna.Lee+invoices@Example.COM ", "Anna.Lee+invoices@example.com"),
        ("post@bücher.example", "post@xn--bcher-kva.example"),
    ],
)
def test_plain_addresses_pass(given_address: str, expected: str) -> None:
    assert usable_address(given_address) == expected


@pytest.mark.parametrize(
    "broken",
    [
        "",
        "nobody",
        "@example.com",
        "a@",
        "a b@example.com",
        "a@b@example.com",
        "a@example.com\r\nRCPT TO:<other@example.com>",
        "a\n@example.com",
        "a>@example.com",
        '"a"@example.com',
        "a@-example.com",
        "a@exam ple.com",
        "a@example..com",
        "zoë@example.com",
        f"{'a' * 65}@example.com",
        f"a@{'b' * 64}.com",
        f"a@{'b.' * 130}com",
    ],
)
def test_anything_else_is_refused_with_words(broken: str) -> None:
    with pytest.raises(UnusableAddress, match=r"\w"):
        usable_address(broken)


@given(st.text(max_size=60))
def test_what_passes_cannot_break_a_command_or_a_header(text: str) -> None:
    try:
        address = usable_address(f"{text}@example.com")
    except UnusableAddress:
        return

    assert re.fullmatch(r"[!-~]+@example\.com", address)
    assert not set(address) & set('<>(),;:\\"[] ')


def test_the_same_recipient_twice_is_one() -> None:
    assert distinct(["a@x.example", "A@X.example ", "b@x.example"]) == ("a@x.example", "b@x.example")
