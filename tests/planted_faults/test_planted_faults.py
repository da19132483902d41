"""The tests themselves are tested: with a fault in place, the test that is named for it must fail."""

from pathlib import Path

import pytest

from tests.planted_faults.faults import IN_EVERY_RUN, IN_THE_FULL_RUN
from tests.planted_faults.planting import PlantedFault, plant_and_run

TESTS_FAILED = 1


def _noticed(fault: PlantedFault, folder: Path) -> None:
    verdict = plant_and_run(fault, folder=folder)

    assert verdict.status == TESTS_FAILED, f"{fault.name} went unnoticed:\n{verdict.output[-3000:]}"
    assert f"FAILED {fault.caught_by}" in verdict.output, verdict.output[-3000:]


@pytest.mark.parametrize("fault", IN_EVERY_RUN, ids=lambda fault: fault.name)
def test_a_planted_fault_is_caught_by_its_test(fault: PlantedFault, tmp_path: Path) -> None:
    _noticed(fault, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize("fault", IN_THE_FULL_RUN, ids=lambda fault: fault.name)
def test_every_other_planted_fault_is_caught_by_its_test(fault: PlantedFault, tmp_path: Path) -> None:
    _noticed(fault, tmp_path)
