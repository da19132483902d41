"""Shares add up, keep within their part, and are the same for the same input."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from invoice_service.domain.spreading import spread

parts_of_any_size = st.dictionaries(st.integers(0, 50), st.integers(0, 10**12), min_size=1, max_size=8)


@given(parts=parts_of_any_size, share=st.integers(0, 10**6))
def test_shares_add_up_and_never_exceed_their_part(parts: dict[int, int], share: int) -> None:
    amount = sum(parts.values()) * share // 10**6

    shares = spread(amount, parts)

    assert sum(shares.values()) == amount
    assert all(0 <= shares[part] <= parts[part] for part in parts)


def test_the_odd_cent_goes_to_the_largest_remainder() -> None:
    assert spread(100, {"a": 333, "b": 667}) == {"a": 33, "b": 67}
    assert spread(10, {"a": 1, "b": 1, "c": 1_000_000}) == {"a": 0, "b": 0, "c": 10}


def test_more_than_there_is_cannot_be_spread() -> None:
    with pytest.raises(ValueError, match="cannot spread 4"):
        spread(4, {"a": 3})
