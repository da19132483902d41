"""What no code of ours does, found by reading the syntax tree: text never becomes code, a program, SQL or markup, and
cryptography is what the libraries give, in the few forms that the inventory of docs/security.md lists."""

import ast
import re
import tomllib
from collections.abc import Iterator
from pathlib import Path, PurePosixPath
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
SOURCES = ("services/*/src/**/*.py", "libs/service-kit/src/**/*.py", "libs/contracts/src/**/*.py")
FOR_TESTS = "service_kit/testing/"
"""It starts servers for tests and is imported by no service."""

RUNS_TEXT = frozenset(["eval", "exec", "compile", "__import__"])
READS_OBJECTS = frozenset(["pickle", "marshal", "shelve", "dill", "jsonpickle"])
READS_XML = frozenset(["xml", "lxml", "xmltodict", "defusedxml"])
STARTS_PROGRAMS = frozenset(["subprocess", "pty", "pexpect"])
PROGRAM_CALLS = frozenset(
    ["system", "popen", "execv", "execve", "spawnv", "create_subprocess_exec", "create_subprocess_shell"]
)
HASHES = frozenset(["sha256", "pbkdf2_hmac", "blake2b"])
CRYPTOGRAPHY = frozenset(["InvalidTag", "AESGCM"])
SPREADS_LOAD = frozenset(["service_kit/loops.py"])
"""May use plain randomness: the delays between tries guard nothing."""
FIXED_PARTS = frozenset(
    [
        ("payment_service/queries/data_keys.py", "function"),
        ("service_kit/migrating.py", "quoted(schema)"),
        ("service_kit/migrating.py", "readers"),
    ]
)
"""Names that the same file spells out or quotes; none comes from a request."""
RUNS_SQL = frozenset(["text", "run_sql", "exec_driver_sql"])


def findings(path: PurePosixPath, text: str) -> list[str]:
    place = str(path).split("/src/")[-1]
    return [found for node in ast.walk(ast.parse(text)) for found in _of_node(place, node)]


def _of_node(place: str, node: ast.AST) -> Iterator[str]:
    if isinstance(node, ast.Import):
        for alias in node.names:
            yield from _of_import(place, alias.name.split(".")[0])
    elif isinstance(node, ast.ImportFrom):
        yield from _of_import(place, (node.module or "").split(".")[0])
        if (node.module or "").startswith("cryptography"):
            yield from (f"{alias.name} of cryptography" for alias in node.names if alias.name not in CRYPTOGRAPHY)
    elif isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
        if node.value.id == "hashlib" and node.attr not in HASHES:
            yield f"the hash {node.attr}"
        if node.value.id == "ssl" and node.attr in ("CERT_NONE", "_create_unverified_context"):
            yield "an unproven certificate"
    elif isinstance(node, ast.Call):
        yield from _of_call(place, node)


def _of_import(place: str, module: str) -> Iterator[str]:
    if module in READS_OBJECTS:
        yield f"objects from bytes by {module}"
    if module in READS_XML:
        yield f"XML by {module}"
    if module in STARTS_PROGRAMS:
        yield f"a program started by {module}"
    if module == "random" and place not in SPREADS_LOAD:
        yield "plain randomness"


def _of_call(place: str, call: ast.Call) -> Iterator[str]:
    name = call.func.id if isinstance(call.func, ast.Name) else getattr(call.func, "attr", "")
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    if isinstance(call.func, ast.Name) and name in RUNS_TEXT:
        yield f"text run as code by {name}"
    if name in PROGRAM_CALLS:
        yield f"a program started by {name}"
    if name == "Environment" and not _is(given.get("autoescape"), True):
        yield "a template environment that does not escape"
    if _is(given.get("verify"), False):
        yield "an unproven certificate"
    if name in RUNS_SQL:
        for part in (
            part for argument in call.args if not isinstance(argument, ast.Dict) for part in ast.walk(argument)
        ):
            yield from (f"SQL with {bit} in it" for bit in _put_in(part) if (place, bit) not in FIXED_PARTS)


def _put_in(node: ast.AST) -> Iterator[str]:
    """What is written into a text, but for the constants of a module."""
    if isinstance(node, ast.FormattedValue):
        bit = ast.unparse(node.value)
        if not bit.isupper():
            yield bit
    elif isinstance(node, ast.BinOp) and isinstance(node.op, ast.Mod | ast.Add) and isinstance(node.left, ast.Constant):
        yield ast.unparse(node.right)
    elif isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "format":
        yield ast.unparse(node.args[0]) if node.args else "format"


def _is(node: ast.AST | None, value: bool) -> bool:
    return isinstance(node, ast.Constant) and node.value is value


def all_findings() -> list[str]:
    found = []
    for pattern in SOURCES:
        for path in sorted(ROOT.glob(pattern)):
            place = PurePosixPath(path.relative_to(ROOT))
            if FOR_TESTS not in str(place):
                found += [f"{place}: {one}" for one in findings(place, path.read_text(encoding="utf-8"))]
    return found


def test_no_text_becomes_code_a_program_sql_or_markup_and_cryptography_is_what_is_listed() -> None:
    assert len(list(ROOT.glob(SOURCES[0]))) > 100
    assert all_findings() == []


PLANTED = [
    ("eval(text)", "text run as code by eval"),
    ("import pickle", "objects from bytes by pickle"),
    ("from xml.etree import ElementTree", "XML by xml"),
    ("from lxml import etree", "XML by lxml"),
    ("import subprocess", "a program started by subprocess"),
    ("os.system(text)", "a program started by system"),
    ("import random", "plain randomness"),
    ("hashlib.md5(text)", "the hash md5"),
    ("hashlib.new(name)", "the hash new"),
    ("from cryptography.hazmat.primitives.ciphers import Cipher", "Cipher of cryptography"),
    ("from cryptography.hazmat.primitives.asymmetric import padding", "padding of cryptography"),
    ("ssl.CERT_NONE", "an unproven certificate"),
    ("httpx.AsyncClient(verify=False)", "an unproven certificate"),
    ("Environment(loader=loader)", "a template environment that does not escape"),
    ("Environment(autoescape=False)", "a template environment that does not escape"),
    ("sa.text(f'select {name}')", "SQL with name in it"),
    ("await run_sql(session, 'select ' + name)", "SQL with name in it"),
    ("await run_sql(session, 'select %s' % name)", "SQL with name in it"),
    ("sa.text('select {}'.format(name))", "SQL with name in it"),
]
HONEST = [
    "import secrets\nhashlib.sha256(text)\nsecrets.token_urlsafe(32)",
    "from cryptography.hazmat.primitives.ciphers.aead import AESGCM",
    "sa.text('select :name').bindparams(name=name)",
    "sa.text(f'select {COLUMNS} from users')",
    "Environment(loader=loader, autoescape=True)",
    "httpx.AsyncClient(verify=context)",
    "re.compile(pattern)",
]


@pytest.mark.parametrize(("code", "expected"), PLANTED)
def test_each_of_them_is_seen(code: str, expected: str) -> None:
    path = PurePosixPath("services/invoice-service/src/invoice_service/actions/planted.py")

    assert findings(path, code) == [expected]


@pytest.mark.parametrize("code", HONEST)
def test_honest_code_is_left_alone(code: str) -> None:
    path = PurePosixPath("services/invoice-service/src/invoice_service/actions/planted.py")

    assert findings(path, code) == []


def test_version_control_stays_out_of_every_image() -> None:
    rules = (ROOT / ".dockerignore").read_text(encoding="utf-8").split()

    assert rules[0] == "*"
    assert [rule for rule in rules if rule.startswith("!") and ".git" in rule] == []
    assert {rule for rule in rules if rule.startswith("!")} == {
        "!pyproject.toml",
        "!uv.lock",
        "!libs",
        "!services",
        "!deploy",
    }


def test_every_component_is_locked_by_digest_and_installed_as_locked() -> None:
    locked = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    foreign = [package for package in locked if "registry" in package["source"]]
    dockerfiles = [*ROOT.glob("services/*/Dockerfile"), *ROOT.glob("deploy/images/*.Dockerfile")]
    installs = re.findall(r"(?:uv sync|npm (?:ci|install)) .*", "\n".join(path.read_text() for path in dockerfiles))

    assert len(foreign) > 50
    assert [p["name"] for p in foreign if not all("hash" in file for file in files_of(p)) or not files_of(p)] == []
    assert {next(iter(p["source"])) for p in locked if p not in foreign} <= {"editable", "virtual"}
    assert len(installs) >= 8
    assert [install for install in installs if "--frozen" not in install and "npm ci" not in install] == []


def files_of(package: dict[str, Any]) -> list[dict[str, Any]]:
    return [*package.get("wheels", []), *([package["sdist"]] if "sdist" in package else [])]
