"""Freezes one real message as the example of its event's version; an example that stands is never written again.

Messages of a released version wait in queues, outboxes and archives. The example is their witness: as long as it
decodes, they do.
"""

import argparse
import json
import sys
from pathlib import Path
from typing import Any

from contracts.catalogue import decode
from contracts.envelope import Envelope
from contracts.schema_export import FOLDER

EXAMPLES = FOLDER / "examples"


class ExampleIsFrozen(FileExistsError):
    """There is an example of this event version already. A new shape is a new version with an example of its own."""


def freeze(envelope: Envelope, folder: Path) -> Path:
    """Write the example of ``envelope``'s type. Raises `ExampleIsFrozen` rather than overwrite."""
    path = folder / f"{envelope.type}.json"
    message = {"headers": envelope.headers(), "body": json.loads(envelope.body())}
    try:
        with path.open("x", encoding="utf-8") as file:
            file.write(json.dumps(message, indent=2, ensure_ascii=False) + "\n")
    except FileExistsError:
        raise ExampleIsFrozen(f"{path.name} is frozen; give the changed event a new version instead") from None
    return path


def read_message(text: str) -> tuple[dict[str, str], bytes]:
    """Headers and body bytes of an example, as `contracts.catalogue.decode` takes them."""
    message: dict[str, Any] = json.loads(text)
    return message["headers"], json.dumps(message["body"], ensure_ascii=False).encode()


def main(arguments: list[str] | None = None) -> int:
    parser = argparse.ArgumentParser(prog="python -m contracts.freeze_example", description=__doc__)
    parser.add_argument("message", type=Path, help='a JSON file: {"headers": {"ce-id": …}, "body": {…}}')
    parser.add_argument("--folder", type=Path, default=EXAMPLES)
    options = parser.parse_args(arguments)
    headers, body = read_message(options.message.read_text(encoding="utf-8"))
    try:
        path = freeze(decode(headers=headers, body=body), options.folder)
    except (ExampleIsFrozen, ValueError) as problem:
        sys.stderr.write(f"{problem}\n")
        return 1
    sys.stdout.write(f"frozen: {path}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
