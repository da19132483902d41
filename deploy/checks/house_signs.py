"""Signs that code has left the house, each found by reading the syntax tree and answered with its remedy.

A sign is a place where the style of CONTRIBUTING.md is broken in a way that a machine can see without guessing; what
needs judgement stays with the reader.
"""

import ast
import io
import re
import subprocess
import sys
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

FILE_LINES_MAX = 400
FUNCTION_LINES_MAX = 70
EMPTY_NAMES = frozenset(
    ["service", "manager", "util", "utils", "helper", "helpers", "common", "core", "base", "shared", "misc"]
)
COMMITTERS = frozenset(["database.py", "outbox_relay.py", "inbox_intake.py", "inbox_worker.py"])
CLOCK_CALLS = frozenset(
    ["datetime.now", "datetime.utcnow", "datetime.today", "date.today", "time.time", "time.time_ns"]
)
TICKET = re.compile(r"(?i)(?:^|[\s(])#\d+\b|\b(?:issue|ticket|bug|pull request|pr)\s*(?:no\.?\s*)?#?\d+\b")
OPEN_END = re.compile(r"\b(?:TODO|FIXME|XXX)\b")
NAMED_OPEN_END = re.compile(r"\bTODO\([\w .-]+\):.*https?://")


@dataclass(frozen=True)
class Sign:
    path: PurePosixPath
    line: int
    what: str
    remedy: str

    def __str__(self) -> str:
        return f"{self.path}:{self.line}: {self.what}; {self.remedy}"


def signs_of(path: PurePosixPath, text: str) -> list[Sign]:
    """Every sign in one file. ``path`` is relative to the repository; where a file stands decides what it may do."""
    tree = ast.parse(text, filename=str(path))
    signs = [*_in_the_file(path, text), *_in_the_comments(path, text), *_in_the_functions(path, tree)]
    for node in ast.walk(tree):
        signs.extend(_in_an_import(path, node))
        signs.extend(_in_a_call(path, node))
    return sorted(signs, key=lambda sign: (sign.line, sign.what))


def python_files(root: Path) -> list[PurePosixPath]:
    """What git tracks or would track, so that build output and environments are left out."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard", "--deduplicate", "*.py"]
    listing = subprocess.run(command, cwd=root, capture_output=True, text=True, check=True).stdout
    return [PurePosixPath(line) for line in listing.splitlines() if (root / line).is_file()]


def main() -> int:
    root = Path.cwd()
    signs = [sign for path in python_files(root) for sign in signs_of(path, (root / path).read_text("utf-8"))]
    for sign in signs:
        sys.stderr.write(f"{sign}\n")
    if signs:
        sys.stderr.write(f"{len(signs)} signs that code has left the house; CONTRIBUTING.md says why each matters.\n")
    return 1 if signs else 0


def _in_the_file(path: PurePosixPath, text: str) -> Iterator[Sign]:
    lines = text.count("\n")
    if lines > FILE_LINES_MAX:
        yield Sign(path, 1, f"{lines} lines, more than {FILE_LINES_MAX}", "split it by what its parts promise")
    if path.stem in EMPTY_NAMES:
        yield Sign(path, 1, f"{path.name} tells a newcomer nothing", "name it after what it does or holds")
    if path.name == "__init__.py" and text.strip():
        yield Sign(path, 1, "__init__.py is not empty", "import from the module itself, so that layers stay visible")


def _in_the_comments(path: PurePosixPath, text: str) -> Iterator[Sign]:
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type != tokenize.COMMENT:
            continue
        if TICKET.search(token.string.lstrip("#")):
            yield Sign(path, token.start[0], "a ticket number in a comment", "write down the reason itself")
        if OPEN_END.search(token.string) and not NAMED_OPEN_END.search(token.string):
            yield Sign(
                path, token.start[0], "an open end without a name", "write TODO(name): what, and a link; or do it"
            )


def _in_the_functions(path: PurePosixPath, tree: ast.AST) -> Iterator[Sign]:
    for node in ast.walk(tree):
        if not isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            continue
        lines = (node.end_lineno or node.lineno) - node.lineno + 1
        if lines > FUNCTION_LINES_MAX and not _is_test(path) and "migrations" not in path.parts:
            remedy = "keep the branching here and move straight work out"
            yield Sign(path, node.lineno, f"{node.name} has {lines} lines, more than {FUNCTION_LINES_MAX}", remedy)
        for inner in ast.walk(node):
            if isinstance(inner, ast.Import | ast.ImportFrom):
                yield Sign(path, inner.lineno, f"an import inside {node.name}", "import at the top of the file")


def _in_an_import(path: PurePosixPath, node: ast.AST) -> Iterator[Sign]:
    if not isinstance(node, ast.Import | ast.ImportFrom) or _is_test(path):
        return
    modules = [node.module or ""] if isinstance(node, ast.ImportFrom) else [alias.name for alias in node.names]
    for module in modules:
        top = module.split(".")[0]
        if top == "stripe" and path.parts[0] == "services" and path.name != "stripe_gateway.py":
            yield Sign(
                path, node.lineno, "stripe is imported outside its gateway", "call payment_service.stripe_gateway"
            )
        if _is_domain(path) and not _may_enter_domain(path, module, node):
            yield Sign(path, node.lineno, f"the domain imports {module}", "pass what it needs in as plain values")


def _in_a_call(path: PurePosixPath, node: ast.AST) -> Iterator[Sign]:
    if not isinstance(node, ast.Call):
        return
    name = _dotted(node.func)
    if _is_test(path):
        if _patches_a_string(name, node):
            yield Sign(path, node.lineno, "a dotted string is patched", "pass the stand-in as an argument")
        return
    if name.endswith(".commit") and not _may_commit(path):
        yield Sign(path, node.lineno, "commit() outside the unit of work", "let database.transaction() commit")
    if ".".join(name.split(".")[-2:]) in CLOCK_CALLS and path.name != "clock.py":
        yield Sign(path, node.lineno, f"{name}() asks the time", "take the time as an argument, or a Clock")


def _patches_a_string(name: str, call: ast.Call) -> bool:
    patching = name.split(".")[-1] == "patch" or name.endswith("monkeypatch.setattr")
    first = call.args[0] if call.args else None
    return patching and isinstance(first, ast.Constant) and isinstance(first.value, str)


def _may_commit(path: PurePosixPath) -> bool:
    if path.parts[0] == "services":
        return False
    return path.parent.name != "service_kit" or path.name in COMMITTERS


def _is_test(path: PurePosixPath) -> bool:
    return "tests" in path.parts


def _is_domain(path: PurePosixPath) -> bool:
    return path.parts[0] == "services" and "domain" in path.parts


def _may_enter_domain(path: PurePosixPath, module: str, node: ast.Import | ast.ImportFrom) -> bool:
    package = path.parts[path.parts.index("domain") - 1]
    own = module == f"{package}.domain" or module.startswith(f"{package}.domain.")
    top = module.split(".")[0]
    return own or top in {"contracts", "pydantic"} or module == "service_kit.errors" or top in sys.stdlib_module_names


def _dotted(node: ast.expr) -> str:
    if isinstance(node, ast.Attribute):
        return f"{_dotted(node.value)}.{node.attr}"
    return node.id if isinstance(node, ast.Name) else ""


if __name__ == "__main__":
    sys.exit(main())
