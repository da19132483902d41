"""Keeps docs/api/openapi.json what the code says, and what was released a promise.

``--check`` fails when the file is not what the code describes, or when the code breaks a client of any released
document. Without it the file is written. ``--release`` freezes it under the next number: from then on it is promised.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from invoice_service.app import describe_public_api

from deploy.checks.api_changes import breaking_changes

FOLDER = Path(__file__).resolve().parents[2] / "docs" / "api"


def faults(document: dict[str, Any], *, folder: Path) -> list[str]:
    """What is wrong with ``document`` beside the files of ``folder``; each line says what to do."""
    found: list[str] = []
    current = folder / "openapi.json"
    if not current.exists() or current.read_text(encoding="utf-8") != written(document):
        found.append("docs/api/openapi.json is not what the code describes. Remedy: make schemas")
    for released in sorted((folder / "released").glob("*.json")):
        promised = json.loads(released.read_text(encoding="utf-8"))
        found += [f"breaks {released.name}: {change}" for change in breaking_changes(promised, document)]
    if any(line.startswith("breaks") for line in found):
        found.append("Remedy: keep what was promised and add beside it; a new shape gets a new field or a new route.")
    return found


def written(document: dict[str, Any]) -> str:
    return json.dumps(document, indent=1, ensure_ascii=False, sort_keys=True) + "\n"


def release(document: dict[str, Any], *, folder: Path) -> Path:
    """The new file. Released files are never changed afterwards."""
    target = folder / "released" / f"{len(list((folder / 'released').glob('*.json'))) + 1:04}.json"
    target.parent.mkdir(parents=True, exist_ok=True)
    target.write_text(written(document), encoding="utf-8")
    return target


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--check", action="store_true")
    parser.add_argument("--release", action="store_true")
    wanted = parser.parse_args()
    document = describe_public_api()
    if not wanted.check:
        FOLDER.mkdir(parents=True, exist_ok=True)
        (FOLDER / "openapi.json").write_text(written(document), encoding="utf-8")
    found = faults(document, folder=FOLDER)
    for line in found:
        print(line, file=sys.stderr)
    if wanted.release and not found:
        print(release(document, folder=FOLDER))
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
