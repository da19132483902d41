"""Which addresses are taken, and that nothing else can enter a mail's headers."""

import pytest
from invoice_service.domain.invoice_refusals import RecipientRefused
from invoice_service.domain.recipients import Recipients, check_message, check_recipients


def test_plain_addresses_are_kept_as_typed_and_each_once() -> None:
    found = check_recipients(to=["Ap@Example.com", "o'neil+x@sub.example.co"], cc=["ap@example.COM", "b@example.com"])

    assert found == Recipients(to=("Ap@Example.com", "o'neil+x@sub.example.co"), cc=("b@example.com",))


@pytest.mark.parametrize(
    "address",
    [
        "",
        "nobody",
        "a@",
        "@b.com",
        "a b@example.com",
        "a@example.com\r\nBcc: all@example.com",
        "a@example.com\n",
        "a@exam\nple.com",
        "Name <a@example.com>",
        "a@example.com,b@example.com",
        '"quoted"@example.com',
        "a..b@example.com",
        "a@-example.com",
        "a@example..com",
        "ä@example.com",
        "a@[127.0.0.1]",
        "a" * 65 + "@example.com",
        "a@" + "b" * 250 + ".com",
        "a@example.com\x00",
    ],
)
def test_anything_else_is_refused_with_its_place(address: str) -> None:
    with pytest.raises(RecipientRefused) as refusal:
        check_recipients(to=["fine@example.com"], cc=["also@example.com", address])

    assert refusal.value.pointer == "/cc/1"


def test_without_an_address_nothing_is_sent() -> None:
    with pytest.raises(RecipientRefused) as refusal:
        check_recipients(to=[], cc=["a@example.com"])

    assert refusal.value.pointer == "/to"


def test_twenty_addresses_are_accepted_and_one_more_is_not() -> None:
    twenty = [f"p{index}@example.com" for index in range(20)]

    assert len(check_recipients(to=twenty, cc=[]).to) == 20
    with pytest.raises(RecipientRefused):
        check_recipients(to=twenty, cc=["one-more@example.com"])


@pytest.mark.parametrize("message", ["x" * 5001, "bell \x07", "escape \x1b[31m"])
def test_a_message_that_cannot_be_shown_is_refused(message: str) -> None:
    with pytest.raises(RecipientRefused):
        check_message(message)


def test_a_message_of_several_lines_is_fine() -> None:
    assert check_message("Dear all,\r\n\n\tthank you") == "Dear all,\r\n\n\tthank you"
