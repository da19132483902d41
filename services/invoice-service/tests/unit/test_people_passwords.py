"""Passwords: what is refused and why, that all else is taken, and how they are stored."""

import asyncio
import hashlib
from pathlib import Path

import invoice_service
import pytest
from argon2 import extract_parameters
from argon2.low_level import Type
from invoice_service.domain.passwords import DIGEST_BYTES, PASSWORD_MAX, PASSWORD_MIN, PasswordRefused, context_words
from invoice_service.password_gateway import _NOBODYS, Passwords

WORDS = context_words("johanna@nordlicht.example", "Johanna Hellström", "Nordlicht Studio")
LIST = Path(invoice_service.__file__).parent / "known_passwords" / "passwords.bin"


@pytest.fixture(scope="module")
def passwords() -> Passwords:
    return Passwords()


@pytest.mark.parametrize(
    "password",
    [
        "x" * (PASSWORD_MIN - 1),
        "invoicecentral",
        "Invoice Central 2026!",
        "invoicecentralinvoicecentral",
        "johanna@nordlicht.example",
        "Johanna.Hellström",
        "hellströmjohanna1985",
        "NordlichtStudio!1",
        "nordlicht-studio-2026",
        "administrator",
        "PASSWORD1234",
        "1q2w3e4r5t6y",
        "peanutbutter",
        "PeanutButter",
        "passwordpassword1",
        "aaaaaaaaaaaaaaaa",
        "abcdefghijklmnop",
        "123456789012",
        "summer2026!!",
        "qwertyuiop[]",
    ],
)
async def test_what_attackers_try_first_is_refused(passwords: Passwords, password: str) -> None:
    with pytest.raises(PasswordRefused) as refusal:
        await passwords.check_new(password, words=WORDS)

    assert refusal.value.pointer == "/password"
    assert password not in refusal.value.detail


@pytest.mark.parametrize("password", ["sdicmt7seytn", "6215MILA6215", "qwertyqwerty"])
async def test_what_was_published_is_refused_however_random_it_looks(passwords: Passwords, password: str) -> None:
    with pytest.raises(PasswordRefused, match="lists that attackers use"):
        await passwords.check_new(password, words=WORDS)


@pytest.mark.parametrize("password", ["hellström dragon", "nordlichtsunshine", "nordlicht summer"])
async def test_what_is_hard_to_guess_for_others_is_easy_for_this_person(passwords: Passwords, password: str) -> None:
    await passwords.check_new(password, words=context_words("maria@example.com", "Maria", "Bakery Ltd"))

    with pytest.raises(PasswordRefused, match="Too easy to guess"):
        await passwords.check_new(password, words=WORDS)


@pytest.mark.parametrize(
    "password",
    [
        "orchard kettle seventeen",
        "the invoice was never late",
        "grün und gelb und nochmal",
        "正しい馬の電池ホッチキス留め",
        "  spaces around are part of it  ",
        "84602917350462",
        "kQ7w9ZpL2mXv",
        "zebra lamp" + " and so on" * 11,
    ],
)
async def test_any_characters_do_and_no_kind_is_asked_for(passwords: Passwords, password: str) -> None:
    await passwords.check_new(password, words=WORDS)


async def test_the_limits_are_exact(passwords: Passwords) -> None:
    await passwords.check_new("kQ7w9ZpL2mXv", words=WORDS)
    await passwords.check_new(("kQ7w9ZpL2mXv" * 11)[:PASSWORD_MAX], words=WORDS)

    with pytest.raises(PasswordRefused, match="Too short"):
        await passwords.check_new("kQ7w9ZpL2mX", words=WORDS)
    with pytest.raises(PasswordRefused, match="Too long"):
        await passwords.check_new(("kQ7w9ZpL2mXv" * 11)[: PASSWORD_MAX + 1], words=WORDS)


def test_the_list_is_long_enough_and_in_order() -> None:
    content = LIST.read_bytes()
    entries = [content[start : start + DIGEST_BYTES] for start in range(0, len(content), DIGEST_BYTES)]

    assert len(entries) >= 3000
    assert entries == sorted(set(entries))
    assert hashlib.sha256(b"qwertyqwerty").digest()[:DIGEST_BYTES] in entries


async def test_hashes_are_argon2id_under_the_parameters_of_owasp_each_with_its_salt(passwords: Passwords) -> None:
    one, two = await passwords.hash("orchard kettle"), await passwords.hash("orchard kettle")

    found = extract_parameters(one)
    assert one != two
    assert (found.type, found.memory_cost, found.time_cost, found.parallelism) == (Type.ID, 47_104, 1, 1)
    assert not passwords.is_outdated(one)


async def test_nobodys_hash_costs_what_a_real_one_does_and_fits_no_password(passwords: Passwords) -> None:
    assert not passwords.is_outdated(_NOBODYS)
    assert not await passwords.verify(password="orchard kettle", stored=None)


async def test_a_flood_of_checks_leaves_the_loop_free_and_runs_two_at_a_time(passwords: Passwords) -> None:
    stored = await passwords.hash("orchard kettle")
    flood = asyncio.gather(*(passwords.verify(password="wrong", stored=stored) for _ in range(12)))
    turns = 0
    while not flood.done():
        turns += 1
        await asyncio.sleep(0)

    assert await flood == [False] * 12
    assert turns > 50
    assert len(passwords._threads._threads) <= 2


async def test_only_the_beginning_of_a_long_password_is_judged(passwords: Passwords) -> None:
    """Judging grows with the square of the length: somebody who sends the longest ones must not keep it busy."""
    hard_to_guess = "pV9 lantern mosaic 4 quiet harbour zeppelin thyme"

    await passwords.check_new(hard_to_guess, words=WORDS)
    with pytest.raises(PasswordRefused):
        await passwords.check_new("a" * 32 + hard_to_guess, words=WORDS)
