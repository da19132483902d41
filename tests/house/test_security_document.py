"""What docs/security.md claims is so: each requirement has its row, each row its test or its reason, each test exists,
and the numbers, permissions, secrets and tables it lists are those of the code."""

import ast
import functools
import importlib
import re
from datetime import timedelta
from pathlib import Path

import pytest
from invoice_service.domain.passwords import DIGEST_BYTES, PASSWORD_MIN
from invoice_service.domain.permissions import OF_ROLE, OF_SCOPE, Permission, Role
from invoice_service.tables.schema import METADATA as INVOICE_TABLES
from notification_service.tables import METADATA as NOTIFICATION_TABLES
from payment_service.tables import REGISTRY as PAYMENT_REGISTRY

ROOT = Path(__file__).resolve().parents[2]
DOCUMENT = ROOT / "docs" / "security.md"
# OWASP ASVS 5.0.0: level 1 of every chapter, and level 2 of chapters 6, 7, 8, 9, 11 and 14. Numbers only.
LEVEL_1 = """
1.2.1 1.2.2 1.2.3 1.2.4 1.2.5 1.3.1 1.3.2 1.5.1 2.1.1 2.2.1 2.2.2 2.3.1 3.2.1 3.2.2 3.3.1 3.4.1 3.4.2 3.5.1
3.5.2 3.5.3 4.1.1 4.4.1 5.2.1 5.2.2 5.3.1 5.3.2 6.1.1 6.2.1 6.2.2 6.2.3 6.2.4 6.2.5 6.2.6 6.2.7 6.2.8 6.3.1
6.3.2 6.4.1 6.4.2 7.2.1 7.2.2 7.2.3 7.2.4 7.4.1 7.4.2 8.1.1 8.2.1 8.2.2 8.3.1 9.1.1 9.1.2 9.1.3 9.2.1 10.4.1
10.4.2 10.4.3 10.4.4 10.4.5 11.3.1 11.3.2 11.4.1 12.1.1 12.2.1 12.2.2 13.4.1 14.2.1 14.3.1 15.1.1 15.2.1
15.3.1
"""
LEVEL_2 = """
6.1.2 6.1.3 6.2.9 6.2.10 6.2.11 6.2.12 6.3.3 6.3.4 6.4.3 6.4.4 6.5.1 6.5.2 6.5.3 6.5.4 6.5.5 6.6.1 6.6.2 6.6.3
6.8.1 6.8.2 6.8.3 6.8.4 7.1.1 7.1.2 7.1.3 7.3.1 7.3.2 7.4.3 7.4.4 7.4.5 7.5.1 7.5.2 7.6.1 7.6.2 8.1.2 8.2.3
8.4.1 9.2.2 9.2.3 9.2.4 11.1.1 11.1.2 11.2.1 11.2.2 11.2.3 11.3.3 11.4.2 11.4.3 11.4.4 11.5.1 11.6.1 14.1.1
14.1.2 14.2.2 14.2.3 14.2.4 14.3.2 14.3.3
"""
REQUIRED = {
    **dict.fromkeys(LEVEL_1.split(), "1"),
    **dict.fromkeys(LEVEL_2.split(), "2"),
    **{f"API{number}:2023": "" for number in range(1, 11)},
}
SURFACES = {"F": "frontend API", "C": "customer's page", "W": "Stripe's webhook", "O": "operators", "I": "inside"}
THREATS_MIN = 5

REQUIREMENT = re.compile(r"\d+\.\d+\.\d+|API\d+:2023")
THREAT = re.compile(r"[FCWOI]\d+")
TEST_ID = re.compile(r"`([\w./-]+\.py)((?:::\w+)+)`")
REASON = re.compile(r"not applicable because (.{20,})")
OPEN_END = "TO PROVE"


def cells_of(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip().strip("|").split(" | ")]


def rows_of(text: str, first: re.Pattern[str]) -> list[list[str]]:
    rows = [cells_of(line) for line in text.splitlines() if line.startswith("| ")]
    return [row for row in rows if first.fullmatch(row[0])]


def section_of(text: str, heading: str) -> str:
    found = re.search(rf"^## {re.escape(heading)}\n(.*?)(?=^## |\Z)", text, re.MULTILINE | re.DOTALL)
    assert found is not None, f"there is no section {heading!r}"
    return found[1]


def gaps_in(text: str) -> list[str]:
    """What is missing from the tables, in words."""
    requirements = rows_of(text, REQUIREMENT)
    numbers = [row[0] for row in requirements]
    gaps = [f"{number} has no row" for number in REQUIRED if number not in numbers]
    gaps += [
        f"{number} has {numbers.count(number)} rows" for number in sorted(set(numbers)) if numbers.count(number) > 1
    ]
    gaps += [f"{number} is not asked for" for number in numbers if number not in REQUIRED]
    gaps += [
        f"{row[0]} is of level {REQUIRED[row[0]]}"
        for row in requirements
        if REQUIRED.get(row[0]) not in ("", None, row[1])
    ]
    gaps += [f"{row[0]} has neither a test nor a reason" for row in requirements if not is_answered(row[-1])]
    threats = rows_of(text, THREAT)
    gaps += [f"{row[0]} has no test" for row in threats if not TEST_ID.search(row[-1])]
    for letter, surface in SURFACES.items():
        if sum(row[0].startswith(letter) for row in threats) < THREATS_MIN:
            gaps.append(f"the surface {surface} has fewer than {THREATS_MIN} threats")
    if OPEN_END in text:
        gaps.append(f"{OPEN_END} is left {text.count(OPEN_END)} times")
    return gaps


def is_answered(cell: str) -> bool:
    return bool(TEST_ID.search(cell) or REASON.search(cell))


@functools.cache
def declared_in(path: Path) -> frozenset[str]:
    """``::test`` and ``::Class::test`` of a file, by its syntax tree."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            found.add(f"::{node.name}")
        elif isinstance(node, ast.ClassDef):
            methods = [one for one in node.body if isinstance(one, ast.FunctionDef | ast.AsyncFunctionDef)]
            found.update(f"::{node.name}::{one.name}" for one in methods)
    return frozenset(found)


def unknown_tests_in(text: str) -> list[str]:
    named = sorted(set(TEST_ID.findall(text)))
    return [
        f"{path}{name}"
        for path, name in named
        if not (ROOT / path).is_file() or name not in declared_in(ROOT / path) or "::test_" not in name
    ]


def numbers_in(text: str) -> list[tuple[str, str]]:
    """Each value and the dotted name it is said to have."""
    rows = [cells_of(line) for line in section_of(text, "The numbers").splitlines() if line.startswith("| ")]
    return [(row[1], row[2].strip("`")) for row in rows if row[2].startswith("`")]


def value_of(dotted: str) -> object:
    """Of an attribute of a module, or of something in it; a span of time is told in seconds."""
    first, *names = dotted.split(".")
    value: object = importlib.import_module(first)
    place = first
    for name in names:
        place = f"{place}.{name}"
        if not hasattr(value, name):
            importlib.import_module(place)
        value = getattr(value, name)
    return int(value.total_seconds()) if isinstance(value, timedelta) else value


def wrong_numbers_in(text: str) -> list[str]:
    claimed = [(dotted, ast.literal_eval(value.strip("`"))) for value, dotted in numbers_in(text)]
    return [f"{dotted} is {value_of(dotted)}" for dotted, value in claimed if value_of(dotted) != value]


def permissions_in(text: str) -> dict[str, list[str]]:
    rows = [cells_of(line) for line in section_of(text, "Who may do what").splitlines() if line.startswith("| `")]
    return {row[0].strip("`"): row[1:5] for row in rows}


def permissions_of_the_code() -> dict[str, list[str]]:
    roles = (Role.OWNER, Role.ACCOUNTANT, Role.VIEWER)
    return {
        permission.value: [
            *("yes" if permission in OF_ROLE[role] else "no" for role in roles),
            next(f"`{scope.value}`" for scope in OF_SCOPE if permission in OF_SCOPE[scope]),
        ]
        for permission in Permission
    }


def secrets_in(text: str) -> set[str]:
    return set(re.findall(r"`((?:IC|POSTGRES|RABBITMQ|SANDBOX)_[A-Z_]+)`", section_of(text, "Keys and secrets")))


def secrets_of_the_installation() -> set[str]:
    example = (ROOT / ".env.example").read_text(encoding="utf-8")
    made = re.findall(r"^(\w+)=.*<random", example, re.MULTILINE)
    given = re.findall(r"^(\w+PASSWORD)=", example, re.MULTILINE)
    return {*made, *given}


def tables_in(text: str) -> set[str]:
    return set(re.findall(r"`((?:invoice|payment|notification)\.\w+)`", section_of(text, "What data there is")))


def tables_of_the_code() -> set[str]:
    """Importing every module of rows is what fills the metadata."""
    for path in (ROOT / "services/invoice-service/src/invoice_service/tables").glob("[a-z]*.py"):
        importlib.import_module(f"invoice_service.tables.{path.stem}")
    return {name for each in (INVOICE_TABLES, NOTIFICATION_TABLES, PAYMENT_REGISTRY.metadata) for name in each.tables}


@functools.cache
def document() -> str:
    return DOCUMENT.read_text(encoding="utf-8")


def test_every_requirement_and_threat_has_its_test_or_its_reason() -> None:
    assert len(REQUIRED) == 138
    assert gaps_in(document()) == []


def test_every_test_that_the_document_names_exists() -> None:
    assert len(TEST_ID.findall(document())) > 100
    assert unknown_tests_in(document()) == []


def test_the_numbers_that_the_document_states_are_those_of_the_code() -> None:
    assert len(numbers_in(document())) >= 10
    assert wrong_numbers_in(document()) == []


def test_the_table_of_who_may_do_what_is_the_one_of_the_code() -> None:
    assert permissions_in(document()) == permissions_of_the_code()


def test_every_secret_of_the_installation_is_in_the_inventory() -> None:
    assert secrets_in(document()) == secrets_of_the_installation()


def test_every_table_is_in_a_class_of_data() -> None:
    assert tables_in(document()) == tables_of_the_code()


def test_the_list_of_known_passwords_is_as_long_as_is_said() -> None:
    folder = ROOT / "services/invoice-service/src/invoice_service/known_passwords"
    said = f"{(folder / 'passwords.bin').stat().st_size / DIGEST_BYTES:,.0f} "

    assert f"{said}published passwords" in document()
    assert f"{said}passwords of {PASSWORD_MIN} characters and more" in (folder / "README.md").read_text(
        encoding="utf-8"
    )


ROW = "| 6.2.1 | 1 | long enough | {} |"
KNOWN = "`tests/house/test_documents.py::test_every_file_of_the_journey_exists`"
GAPS = [
    (ROW.format("by review"), "6.2.1 has neither a test nor a reason"),
    (ROW.format("not applicable because no"), "6.2.1 has neither a test nor a reason"),
    (ROW.format(KNOWN).replace("| 1 |", "| 2 |"), "6.2.1 is of level 1"),
    (ROW.format(KNOWN) + "\n" + ROW.format(KNOWN), "6.2.1 has 2 rows"),
    (ROW.format(KNOWN).replace("6.2.1", "6.2.13"), "6.2.13 is not asked for"),
    (ROW.format(KNOWN).replace("6.2.1", "6.2.13"), "6.2.1 has no row"),
    (ROW.format(f"{OPEN_END}: a test"), "TO PROVE is left 1 times"),
    ("| API4:2023 | costs | limits | none |", "API4:2023 has neither a test nor a reason"),
    ("", "API10:2023 has no row"),
    ("| F1 | somebody guesses | we count | nothing |", "F1 has no test"),
    (f"| W1 | somebody forges | we check | {KNOWN} |", "the surface Stripe's webhook has fewer than 5 threats"),
]


@pytest.mark.parametrize(("text", "gap"), GAPS)
def test_a_gap_in_the_tables_is_seen(text: str, gap: str) -> None:
    assert gap in gaps_in(text)


@pytest.mark.parametrize("answer", [KNOWN, "not applicable because nobody uploads a file here", f"{KNOWN}<br>and more"])
def test_a_row_with_a_test_or_a_reason_is_no_gap(answer: str) -> None:
    assert [gap for gap in gaps_in(ROW.format(answer)) if gap.startswith("6.2.1 ")] == []


@pytest.mark.parametrize(
    "named",
    [
        "tests/house/test_documents.py::test_that_nobody_wrote",
        "tests/house/test_nothing.py::test_every_file_of_the_journey_exists",
        "tests/house/test_documents.py::files_of_the_journey",
        "tests/house/test_documents.py::TestAll::test_every_file_of_the_journey_exists",
    ],
)
def test_a_test_that_does_not_exist_is_seen(named: str) -> None:
    assert unknown_tests_in(f"`{named}` {KNOWN}") == [named]


def test_a_number_a_secret_or_a_table_that_is_not_so_is_seen() -> None:
    text = (
        "## The numbers\n| Life of a service token | 61 | `service_kit.service_tokens.LIFETIME_SECONDS` |\n"
        "## Keys and secrets\n| `IC_MASTER_KEYS` | seals |\n## What data there is\n| high | `invoice.users` |\n"
        "## Who may do what\n| `audit:read` | yes | yes | no | `admin` |\n"
    )

    assert wrong_numbers_in(text) == ["service_kit.service_tokens.LIFETIME_SECONDS is 60"]
    assert "IC_PAGE_TOKEN_SECRET" in secrets_of_the_installation() - secrets_in(text)
    assert "payment.secret_keys" in tables_of_the_code() - tables_in(text)
    assert permissions_in(text)["audit:read"] != permissions_of_the_code()["audit:read"]
