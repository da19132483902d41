"""Each import contract of the repository breaks when the import that it forbids is planted in an empty skeleton."""

import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
CONFIG = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["importlinter"]
SERVICE_MODULES = [
    "app", "worker", "cli", "cli_keys", "cli_people", "cli_commands", "settings", "api/invoices", "event_handlers",
    "actions/send", "queries", "tables", "stripe_gateway", "mail_gateway", "domain/rules",
]  # fmt: skip
PLANTED = [
    ("layers", "invoice_service/actions/send.py", "import invoice_service.api.invoices"),
    ("layers", "payment_service/queries.py", "import payment_service.settings"),
    ("layers", "invoice_service/event_handlers.py", "import invoice_service.api.invoices"),
    ("layers", "notification_service/domain/rules.py", "import notification_service.tables"),
    ("independence", "invoice_service/app.py", "import payment_service.domain.rules"),
    ("independence", "payment_service/stripe_gateway.py", "import stripe_sandbox.app"),
    ("libraries", "service_kit/errors.py", "import invoice_service.tables"),
    ("libraries", "contracts/events.py", "import service_kit.errors"),
    ("pure-domain", "invoice_service/domain/rules.py", "import sqlalchemy"),
    ("pure-domain", "payment_service/domain/rules.py", "import service_kit.database"),
    ("one-stripe-door", "payment_service/actions/send.py", "import stripe"),
    ("one-stripe-door", "invoice_service/api/invoices.py", "from stripe import StripeClient"),
    ("one-password-door", "invoice_service/actions/send.py", "import argon2"),
    ("one-password-door", "payment_service/actions/send.py", "from zxcvbn import zxcvbn"),
    ("layers", "invoice_service/cli_people.py", "import invoice_service.cli_keys"),
    ("layers", "invoice_service/cli_commands.py", "import invoice_service.cli_people"),
    ("no-circles", "contracts/events.py", "import contracts.money"),
]


def write(root: Path, relative: str, text: str = "") -> None:
    path = root / relative
    path.parent.mkdir(parents=True, exist_ok=True)
    for folder in path.relative_to(root).parents:
        if folder != Path():
            (root / folder / "__init__.py").touch()
    path.write_text(text, encoding="utf-8")


@pytest.fixture(scope="module")
def skeleton(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("skeleton")
    for service in ("invoice_service", "payment_service", "notification_service"):
        for module in SERVICE_MODULES:
            write(root, f"{service}/{module}.py")
    write(root, "service_kit/errors.py")
    write(root, "service_kit/database.py")
    write(root, "contracts/events.py")
    write(root, "contracts/money.py", "import contracts.events\n")
    write(root, "stripe_sandbox/app.py", "import stripe\n")
    write(root, "payment_service/stripe_gateway.py", "import stripe\n")
    write(root, "invoice_service/password_gateway.py", "import argon2\nimport zxcvbn\n")
    write(root, "invoice_service/domain/rules.py", "import contracts.money\nimport service_kit.errors\n")
    (root / "pyproject.toml").write_bytes((ROOT / "pyproject.toml").read_bytes())
    return root


def lint(root: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    program = "import sys; from importlinter.cli import lint_imports_command; lint_imports_command()"
    command = [sys.executable, "-P", "-c", f"import sys; sys.path.insert(0, '.'); {program}", "--no-cache", *arguments]
    return subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)


def test_the_skeleton_keeps_all_contracts(skeleton: Path) -> None:
    result = lint(skeleton)

    assert result.returncode == 0, result.stdout
    assert "Contracts: 7 kept, 0 broken." in result.stdout


def test_every_contract_has_an_import_that_is_planted_against_it() -> None:
    assert {contract["id"] for contract in CONFIG["contracts"]} == {name for name, _, _ in PLANTED}


def test_every_contract_says_how_to_mend_what_it_found() -> None:
    assert all(contract["broken_contract_guidance"] for contract in CONFIG["contracts"])


@pytest.mark.parametrize(("contract", "file", "planted"), PLANTED)
def test_a_planted_import_breaks_its_contract(skeleton: Path, contract: str, file: str, planted: str) -> None:
    path = skeleton / file
    original = path.read_text(encoding="utf-8")
    path.write_text(f"{original}{planted}\n", encoding="utf-8")
    try:
        result = lint(skeleton, "--contract", contract)
    finally:
        path.write_text(original, encoding="utf-8")

    assert result.returncode == 1, result.stdout
    assert "0 kept, 1 broken" in result.stdout
