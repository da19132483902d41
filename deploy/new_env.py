"""Writes .env from .env.example with fresh secrets; one that stands only gets the lines it lacks. Needs only Python."""

import re
import secrets
import sys
from pathlib import Path

MAKERS = {
    "<random>": lambda: secrets.token_urlsafe(36),
    "<random-sandbox-key>": lambda: f"sk_test_{secrets.token_hex(16)}",
}


def filled(example: str) -> str:
    """Every mark of ``example`` outside its comments replaced, each by a value of its own."""
    lines = [line if line.startswith("#") else _filled_line(line) for line in example.splitlines()]
    return "\n".join(lines) + "\n"


def lacking(standing: str, example: str) -> str:
    """The lines of ``example`` that set what ``standing`` does not set, filled in."""
    known = set(re.findall(r"(?m)^\s*(\w+)\s*=", standing))
    lines = [line for line in example.splitlines() if line[:1].isalpha() and line.partition("=")[0] not in known]
    return filled("\n".join(lines)) if lines else ""


def _filled_line(line: str) -> str:
    return re.sub("|".join(map(re.escape, MAKERS)), lambda mark: MAKERS[mark.group()](), line)


def main(root: Path) -> int:
    target, example = root / ".env", (root / ".env.example").read_text(encoding="utf-8")
    if not target.exists():
        target.touch(mode=0o600)
        target.write_text(filled(example), encoding="utf-8")
        sys.stdout.write("wrote .env with fresh secrets\n")
    elif added := lacking(standing := target.read_text(encoding="utf-8"), example):
        target.write_text(f"{standing.rstrip()}\n{added}", encoding="utf-8")
        names = re.findall(r"(?m)^\w+", added)
        sys.stdout.write(f"added to .env: {', '.join(names)}\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(Path(__file__).resolve().parents[1]))
