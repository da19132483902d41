"""What looks for secrets finds them: in every form, at every place, and parts of them too."""

import base64
import hashlib
import html
import secrets
from collections.abc import Callable
from urllib.parse import quote_plus

import pytest

from tests.journeys.canaries import ROW, Canary, Watch, canary
from tests.journeys.people import new_password

PASSWORD = new_password()
API_KEY = f"ic_test_{'0' * 26}_{secrets.token_urlsafe(32)}"
MASTER_KEY = secrets.token_bytes(32)
WATCH = Watch([canary("password", PASSWORD), canary("API key", API_KEY), Canary("master key", MASTER_KEY)])

Writing = Callable[[bytes], str]
WRITINGS: dict[str, Writing] = {
    "plain": lambda secret: secret.decode(),
    "hex": lambda secret: secret.hex(),
    "HEX": lambda secret: secret.hex().upper(),
    "base64": lambda secret: base64.b64encode(secret).decode(),
    "base64 after one byte": lambda secret: base64.b64encode(b":" + secret + b"!").decode(),
    "base64 after two bytes": lambda secret: base64.urlsafe_b64encode(b"a:" + secret + b"\0").decode(),
    "address": lambda secret: quote_plus(secret.decode()),
    "sha256": lambda secret: hashlib.sha256(secret).hexdigest(),
    "sha512 in base64": lambda secret: base64.b64encode(hashlib.sha512(secret).digest()).decode(),
}


@pytest.mark.parametrize("writing", WRITINGS.values(), ids=WRITINGS.keys())
@pytest.mark.parametrize("before", range(ROW))
def test_a_secret_is_found_in_every_form_wherever_it_stands(writing: Writing, before: int) -> None:
    text = f"{'-' * before}{writing(PASSWORD.encode())}, and so on"

    assert WATCH.found_in(text) == {"password"}


@pytest.mark.parametrize("before", range(ROW))
@pytest.mark.parametrize("start", [0, 7, 31])
def test_twelve_characters_of_a_secret_are_enough(before: int, start: int) -> None:
    hidden = API_KEY[-43:]

    assert WATCH.found_in("-" * before + hidden[start : start + ROW] + "-") == {"API key"}
    assert WATCH.found_in("-" * before + hidden[start : start + ROW - 1] + "-") == set()


def test_two_passwords_of_ours_are_told_apart() -> None:
    both = Watch([canary("one", PASSWORD), canary("other", new_password())])

    assert both.found_in(f"<p>{html.escape(PASSWORD)}</p>") == {"one"}


def test_bytes_are_found_as_a_database_writes_them() -> None:
    assert WATCH.found_in(f"(7,\\x{MASTER_KEY.hex()},now)") == {"master key"}


def test_what_anybody_may_see_of_a_key_is_no_find() -> None:
    assert WATCH.found_in(f"{API_KEY[:-43]} ends in {API_KEY[-4:]}") == set()


def test_chance_is_no_find() -> None:
    noise = secrets.token_hex(1_000_000) + base64.b64encode(secrets.token_bytes(1_000_000)).decode()

    assert WATCH.found_in(noise) == set()


def test_a_secret_that_chance_could_write_is_not_accepted() -> None:
    with pytest.raises(ValueError, match="too short"):
        canary("pin", "0000")
