"""Splits an amount over parts in proportion, so that the shares add up to it exactly and none exceeds its part."""

from collections.abc import Hashable, Mapping
from typing import TypeVar

Part = TypeVar("Part", bound=Hashable)


def spread(amount: int, parts: Mapping[Part, int]) -> dict[Part, int]:
    """Largest remainders first, then the order of ``parts``. Needs ``0 <= amount <= sum(parts)``, no part below 0."""
    whole = sum(parts.values())
    if not 0 <= amount <= whole:
        raise ValueError(f"cannot spread {amount} over parts that sum to {whole}")
    if not whole:
        return dict.fromkeys(parts, 0)
    shares = {part: amount * size // whole for part, size in parts.items()}
    remainders = {part: amount * size % whole for part, size in parts.items()}
    missing = amount - sum(shares.values())
    for part in sorted(parts, key=lambda part: -remainders[part])[:missing]:
        shares[part] += 1
    return shares
