"""Plants one fault in a copy of a member of the workspace and runs the test that must notice it.

The copy stands before the real one on the import path of the child, so the tree itself is never touched and several
plantings can run side by side.
"""

import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
_SECONDS_MAX = 180


@dataclass(frozen=True)
class PlantedFault:
    """``find`` must stand exactly once in ``file``; ``caught_by`` is the pytest id of the test that must fail."""

    name: str
    member: str
    file: str
    find: str
    replace: str
    caught_by: str


@dataclass(frozen=True)
class Verdict:
    status: int
    output: str


def plant_and_run(fault: PlantedFault, *, folder: Path) -> Verdict:
    """The outcome of the named test with the fault in place: pytest's exit status and what it printed."""
    copy = folder / "member"
    shutil.copytree(ROOT / fault.member, copy, ignore=shutil.ignore_patterns("tests", "__pycache__"))
    place = copy / fault.file
    text = place.read_text()
    if text.count(fault.find) != 1:
        raise LookupError(f"{fault.name}: the text to replace stands {text.count(fault.find)} times in {fault.file}")
    place.write_text(text.replace(fault.find, fault.replace))
    return run_test(fault.caught_by, import_first=copy / "src")


def run_test(test_id: str, *, import_first: Path) -> Verdict:
    """Run one test in a process of its own, with ``import_first`` ahead of everything that is installed."""
    environment = {**os.environ, "PYTHONPATH": str(import_first), "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [sys.executable, "-m", "pytest", "-q", "-x", "-p", "no:cacheprovider", "-p", "no:xdist", test_id],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=_SECONDS_MAX,
        check=False,
    )
    return Verdict(status=done.returncode, output=done.stdout + done.stderr)
