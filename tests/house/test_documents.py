"""What the documents name is there: each file of the journey, each command, each setting of the containers."""

import re
from pathlib import Path

import pytest
from invoice_service.settings import Settings as InvoiceSettings
from notification_service.settings import Settings as NotificationSettings
from payment_service.settings import Settings as PaymentSettings
from service_kit.settings import ServiceSettings

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = [
    *ROOT.glob("*.md"), *ROOT.glob("docs/**/*.md"), *ROOT.glob("libs/*/README.md"), *ROOT.glob("services/*/README.md"),
]  # fmt: skip
SERVICES = {"invoice", "payment", "notification"}
ROW = re.compile(r"^\| [\d–]+ \|.*$", re.MULTILINE)
PART = re.compile(r"(?:(invoice|payment|notification): )?`([^`]+(?:\.py|/))`")


def files_of_the_journey() -> list[Path]:
    """A path in the table belongs to the service named last before it in the same cell, or to the repository."""
    text = (ROOT / "docs" / "journey.md").read_text(encoding="utf-8")
    found: list[Path] = []
    for row in ROW.findall(text):
        service = ""
        for named, path in PART.findall(row.split("|")[3]):
            service = named or service
            package = ROOT / "services" / f"{service}-service" / "src" / f"{service}_service"
            found.append(ROOT / path if path.startswith("libs/") else package / path)
    return found


def test_every_file_of_the_journey_exists() -> None:
    files = files_of_the_journey()

    missing = [str(path.relative_to(ROOT)) for path in files if not path.exists()]

    assert len(files) >= 18
    assert missing == []


def test_the_journey_says_how_to_watch_each_of_its_steps() -> None:
    text = (ROOT / "docs" / "journey.md").read_text(encoding="utf-8")
    watched = text.split("## How to watch each step")[1]

    steps = {int(number) for heading in re.findall(r"\*\*([\d–]+)\.", watched) for number in span(heading)}

    assert steps == set(range(1, 15))


def span(heading: str) -> list[str]:
    first, _, last = heading.partition("–")
    return [str(number) for number in range(int(first), int(last or first) + 1)]


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: str(path.relative_to(ROOT)))
def test_every_make_target_that_a_document_names_exists(document: Path) -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")
    targets = set(re.findall(r"^([a-z-]+):", makefile, re.MULTILINE))

    named = set(re.findall(r"`make ([a-z-]+)", document.read_text(encoding="utf-8")))

    assert named <= targets


def test_every_setting_of_the_containers_is_explained_in_the_example() -> None:
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    example = (ROOT / ".env.example").read_text(encoding="utf-8")

    used = set(re.findall(r"\$\{([A-Z_]+)", compose))
    explained = set(re.findall(r"^([A-Z_]+)=", example, re.MULTILINE))

    assert used == explained


LEFT_AT_THEIR_DEFAULTS = {
    "all": {
        *("host", "public_port", "private_port", "worker_health_port", "crash_at", "owner_database_url"),
        *("http_connections_max", "http_header_seconds", "http_body_seconds", "http_handler_seconds"),
    },
    "invoice": set(),
    "payment": {"cors_origins", "master_keys", "initial_master_keys", "poll_seconds", "stripe_requests_per_second"},
    "notification": {
        *("cors_origins", "service_token_secret", "smtp_ca_file", "smtp_command_seconds", "smtp_data_seconds"),
        *("smtp_connections", "mail_retry_scale"),
    },
}
"""Containers have these fixed, or nobody needs to turn them there; each README says what they do."""


@pytest.mark.parametrize(
    ("service", "settings"),
    [("invoice", InvoiceSettings), ("payment", PaymentSettings), ("notification", NotificationSettings)],
)
def test_every_setting_of_a_service_reaches_its_containers(service: str, settings: type[ServiceSettings]) -> None:
    compose = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    blocks = [re.split(rf"^x-{name}: ", compose, flags=re.MULTILINE)[1].split("\n\n")[0] for name in ("all", service)]
    given = {name for block in blocks for name in re.findall(r"^ +(IC_[A-Z_]+):", block, re.MULTILINE)}

    wanted = set(settings.model_fields) - LEFT_AT_THEIR_DEFAULTS["all"] - LEFT_AT_THEIR_DEFAULTS[service]

    assert {f"IC_{name.upper()}" for name in wanted} - given == set()
    assert LEFT_AT_THEIR_DEFAULTS[service] <= set(settings.model_fields)
