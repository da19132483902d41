"""The tests themselves are tested: with a fault in place, the test that is named for it must fail."""

from pathlib import Path

import pytest

from tests.planted_faults.faults import IN_EVERY_RUN, IN_THE_FULL_RUN
from tests.planted_faults.guards_of_every_way_in import OF_EVERY_WAY_IN
from tests.planted_faults.guards_of_isolation import OF_ISOLATION
from tests.planted_faults.guards_of_keys_and_lists import OF_KEYS_AND_LISTS
from tests.planted_faults.guards_of_operators import OF_OPERATORS
from tests.planted_faults.guards_of_people import OF_PEOPLE
from tests.planted_faults.guards_of_secrets import OF_SECRETS
from tests.planted_faults.guards_of_sign_in import OF_SIGN_IN
from tests.planted_faults.guards_of_silence import OF_SILENCE
from tests.planted_faults.guards_of_the_doors import OF_THE_DOORS
from tests.planted_faults.planting import PlantedFault, plant_and_run

TESTS_FAILED = 1
GUARDS = (
    *OF_EVERY_WAY_IN,
    *OF_ISOLATION,
    *OF_KEYS_AND_LISTS,
    *OF_OPERATORS,
    *OF_PEOPLE,
    *OF_SECRETS,
    *OF_SIGN_IN,
    *OF_SILENCE,
    *OF_THE_DOORS,
)
QUICK = {
    "a query forgets its organisation",
    "row security is not forced",
    "a route's permission is not asked",
    "a sealed text opens in every row",
    "a service token's audience is not checked",
}
"""The guards whose faults are planted in every run; all of them are in the full one."""


def _noticed(fault: PlantedFault, folder: Path) -> None:
    verdict = plant_and_run(fault, folder=folder)

    assert verdict.status == TESTS_FAILED, f"{fault.name} went unnoticed:\n{verdict.output[-3000:]}"
    assert f"FAILED {fault.caught_by}" in verdict.output, verdict.output[-3000:]


@pytest.mark.parametrize(
    "fault", [*IN_EVERY_RUN, *(guard for guard in GUARDS if guard.name in QUICK)], ids=lambda fault: fault.name
)
def test_a_planted_fault_is_caught_by_its_test(fault: PlantedFault, tmp_path: Path) -> None:
    _noticed(fault, tmp_path)


@pytest.mark.slow
@pytest.mark.parametrize(
    "fault",
    [*IN_THE_FULL_RUN, *(guard for guard in GUARDS if guard.name not in QUICK)],
    ids=lambda fault: fault.name,
)
def test_every_other_planted_fault_is_caught_by_its_test(fault: PlantedFault, tmp_path: Path) -> None:
    _noticed(fault, tmp_path)


def test_no_two_faults_have_one_name() -> None:
    names = [fault.name for fault in (*IN_EVERY_RUN, *IN_THE_FULL_RUN, *GUARDS)]

    assert len(names) == len(set(names))
    assert set(names) >= QUICK
