"""Which addresses a button may open, and when two of them lead to the same place."""

import pytest
from notification_service.domain.web_addresses import UnusableWebAddress, origin, usable_web_address


@pytest.mark.parametrize(
    "address",
    [
        "https://invoices.nordlicht.example/sign-in",
        "https://invoices.nordlicht.example:8443/a/b?c=d#e",
        "http://127.0.0.1:5173/reset-password/ic_reset_x-y_z",
        "https://xn--bcher-kva.example",
    ],
)
def test_a_plain_address_is_usable_as_it_stands(address: str) -> None:
    assert usable_web_address(address) == address


@pytest.mark.parametrize(
    "text",
    ["", "nordlicht.example", "https://", "https://a.example/\n", "https://a b.example/", "https://a@b.example/x"],
)
def test_anything_else_is_refused_without_being_repeated(text: str) -> None:
    with pytest.raises(UnusableWebAddress) as raised:
        usable_web_address(text)

    assert str(raised.value) == "it is not a plain address of the web"


@pytest.mark.parametrize(
    ("first", "second", "same"),
    [
        ("https://a.example/x", "https://A.example:443/y?z", True),
        ("http://a.example:80/", "http://a.example", True),
        ("https://a.example/x", "http://a.example/x", False),
        ("https://a.example/x", "https://a.example.evil.example/x", False),
        ("https://a.example/x", "https://a.example:8443/x", False),
    ],
)
def test_two_addresses_have_one_origin_or_two(first: str, second: str, same: bool) -> None:
    assert (origin(first) == origin(second)) is same
