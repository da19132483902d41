"""The contracts as documents for readers in any language: a JSON Schema per event and one AsyncAPI 3.0 description.

Both are generated from the catalogue and committed; ``--check`` compares, so what is committed is what is spoken.
"""

import argparse
import json
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from contracts.async_api import async_api
from contracts.catalogue import CATALOGUE

FOLDER = Path(__file__).resolve().parents[2]
REMEDY = "run `make schemas` (python -m contracts.schema_export) and commit what changed"


def exported() -> Mapping[str, str]:
    """Every generated file: its path below the folder of the contracts, and its text."""
    files = {f"schemas/{name}.json": _text(event_schema(name)) for name in CATALOGUE}
    return {**files, "asyncapi.json": _text(async_api())}


def event_schema(event_type: str) -> dict[str, Any]:
    """JSON Schema (2020-12) of one event's body, as its owner writes it: decimals are text, amounts are integers."""
    schema = CATALOGUE[event_type].event.model_json_schema(mode="serialization")
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": event_type, **_without_title(schema)}


def stale_files(folder: Path) -> list[str]:
    """What differs between the committed files and the catalogue, one line for each file."""
    wanted = exported()
    problems = [f"{name} {_difference(folder / name, text)}" for name, text in wanted.items()]
    present = {f"schemas/{path.name}" for path in (folder / "schemas").glob("*.json")}
    problems += [f"{name} belongs to no event of the catalogue; delete it" for name in sorted(present - set(wanted))]
    return [problem for problem in problems if not problem.endswith(" is current")]


def write_files(folder: Path) -> None:
    """Write every generated file; frozen examples are not among them."""
    for name, text in exported().items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m contracts.schema_export", description=__doc__)
    parser.add_argument("--check", action="store_true", help="compare only; status 1 when something is stale")
    parser.add_argument("--folder", type=Path, default=FOLDER, help="where schemas/ and asyncapi.json stand")
    options = parser.parse_args(arguments)
    if not options.check:
        write_files(options.folder)
        return 0
    stale = stale_files(options.folder)
    if stale:
        sys.stderr.write("\n".join([*stale, f"The exported contracts are stale: {REMEDY}.\n"]))
    return 1 if stale else 0


def _difference(path: Path, text: str) -> str:
    if not path.exists():
        return "is missing"
    return "is current" if path.read_text(encoding="utf-8") == text else "differs from the code"


def _without_title(schema: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in schema.items() if name != "title"}


def _text(document: Mapping[str, Any]) -> str:
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    sys.exit(main())
