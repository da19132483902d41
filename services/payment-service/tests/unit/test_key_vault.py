"""A sealed secret opens in its own row, under its own organisation's key, and nowhere else."""

import base64
from uuid import UUID, uuid4

import pytest
from payment_service.key_vault import (
    MasterKeysMalformed,
    SecretUnreadable,
    new_data_key,
    read_master_keys,
    seal,
    sealed_key_id,
    unseal,
    unwrap_data_key,
    wrap_data_key,
)

SECRET = "sk_test_canary_51AbCdEfGhIj"


def _key(fill: int) -> str:
    return base64.b64encode(bytes([fill]) * 32).decode()


def _data_key(organization_id: UUID | None = None):  # type: ignore[no-untyped-def]
    return new_data_key(organization_id=organization_id or uuid4(), key_id=uuid4())


def test_what_is_sealed_opens_again_and_does_not_show_the_secret() -> None:
    data_key, row = _data_key(), uuid4()

    sealed = seal(SECRET, data_key=data_key, purpose="stripe-secret-key", row_id=row)

    assert unseal(sealed, data_key=data_key, purpose="stripe-secret-key", row_id=row) == SECRET
    assert sealed.startswith(f"v1:{data_key.key_id}:")
    assert "canary" not in sealed
    assert sealed_key_id(sealed) == data_key.key_id


def test_the_same_secret_sealed_twice_differs() -> None:
    data_key, row = _data_key(), uuid4()

    first, second = (seal(SECRET, data_key=data_key, purpose="p", row_id=row) for _ in range(2))

    assert first != second


def test_a_text_copied_to_another_row_does_not_open() -> None:
    data_key = _data_key()
    sealed = seal(SECRET, data_key=data_key, purpose="p", row_id=uuid4())

    with pytest.raises(SecretUnreadable):
        unseal(sealed, data_key=data_key, purpose="p", row_id=uuid4())


def test_a_text_used_for_another_purpose_does_not_open() -> None:
    data_key, row = _data_key(), uuid4()
    sealed = seal(SECRET, data_key=data_key, purpose="stripe-secret-key", row_id=row)

    with pytest.raises(SecretUnreadable):
        unseal(sealed, data_key=data_key, purpose="stripe-webhook-secret", row_id=row)


@pytest.mark.parametrize("damage", ["v2:{1}:{2}:{3}", "v1:{1}:{2}", "v1:{1}:{2}:AAAA", "", "v1:{1}:!!:{3}"])
def test_a_damaged_text_does_not_open(damage: str) -> None:
    data_key, row = _data_key(), uuid4()
    parts = seal(SECRET, data_key=data_key, purpose="p", row_id=row).split(":")

    with pytest.raises(SecretUnreadable):
        unseal(damage.format(*parts), data_key=data_key, purpose="p", row_id=row)


def test_a_data_key_moved_to_another_organisation_does_not_open() -> None:
    masters, data_key = read_master_keys(f"k1:{_key(1)}"), _data_key()
    wrapped = wrap_data_key(data_key, master_keys=masters)

    with pytest.raises(SecretUnreadable):
        unwrap_data_key(wrapped, organization_id=uuid4(), key_id=data_key.key_id, master_keys=masters)


def test_an_older_master_key_still_opens_what_it_wrapped() -> None:
    data_key = _data_key()
    wrapped = wrap_data_key(data_key, master_keys=read_master_keys(f"old:{_key(1)}"))
    masters = read_master_keys(f"new:{_key(2)},old:{_key(1)}")

    opened = unwrap_data_key(
        wrapped, organization_id=data_key.organization_id, key_id=data_key.key_id, master_keys=masters
    )

    assert opened.key == data_key.key
    assert masters.current == "new"


def test_without_its_master_key_nothing_opens() -> None:
    data_key = _data_key()
    wrapped = wrap_data_key(data_key, master_keys=read_master_keys(f"old:{_key(1)}"))

    with pytest.raises(SecretUnreadable):
        unwrap_data_key(
            wrapped,
            organization_id=data_key.organization_id,
            key_id=data_key.key_id,
            master_keys=read_master_keys(f"new:{_key(2)}"),
        )


@pytest.mark.parametrize(
    "text", ["", "k1", "k1:", "k1:short", f"k-1:{_key(1)}", f"k1:{_key(1)},k1:{_key(2)}", "k1:" + "A" * 43]
)
def test_master_keys_that_cannot_be_used_are_refused_without_being_shown(text: str) -> None:
    with pytest.raises(MasterKeysMalformed) as refusal:
        read_master_keys(text)

    assert "AAAA" not in str(refusal.value)


def test_no_secret_is_in_a_repr() -> None:
    masters, data_key = read_master_keys(f"k1:{_key(65)}"), _data_key()

    assert "AAAA" not in repr(masters)
    assert repr(data_key.key) not in repr(data_key)
