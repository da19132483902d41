"""The list of boundaries names exactly those that the code announces."""

import re
from pathlib import Path

import payment_service.crash_boundaries as boundaries


def test_every_announced_boundary_is_listed_and_every_listed_one_is_announced() -> None:
    package = Path(boundaries.__file__).parent

    announced = {
        name
        for source in package.rglob("*.py")
        for name in re.findall(r'crash_points\.reached\("([^"]+)"\)', source.read_text())
    }

    assert announced == boundaries.PAYMENT_POINTS | boundaries.KEY_ROTATION_POINTS
