"""The settings of the containers are filled in once, each secret with a value of its own."""

from pathlib import Path

import pytest
from invoice_service.settings import Settings
from pydantic import ValidationError

from deploy.new_env import filled, main

ROOT = Path(__file__).resolve().parents[2]
EXAMPLE = (ROOT / ".env.example").read_text(encoding="utf-8")


def settings_in(text: str) -> dict[str, str]:
    return dict(line.split("=", 1) for line in text.splitlines() if "=" in line and not line.startswith("#"))


def test_every_secret_gets_a_value_of_its_own_and_nothing_else_changes() -> None:
    before, after = settings_in(EXAMPLE), settings_in(filled(EXAMPLE))

    marked = {name for name, value in before.items() if "<random" in value}
    assert len(marked) >= 15
    assert {name: after[name] for name in before if name not in marked} == {
        name: value for name, value in before.items() if name not in marked
    }
    values = [after[name] for name in marked]
    assert len(set(values)) == len(values)
    assert all(len(value) >= 32 and "<" not in value for value in values)


def test_master_keys_are_in_a_file_of_their_own_and_not_in_the_settings() -> None:
    assert settings_in(filled(EXAMPLE))["IC_MASTER_KEYS"] == ""


def test_a_file_that_stands_is_left_alone_and_a_new_one_is_private(tmp_path: Path) -> None:
    (tmp_path / ".env.example").write_text("A=<random>\n", encoding="utf-8")
    main(tmp_path)
    first = (tmp_path / ".env").read_text(encoding="utf-8")

    main(tmp_path)

    assert (tmp_path / ".env").read_text(encoding="utf-8") == first
    assert (tmp_path / ".env").stat().st_mode & 0o077 == 0


def test_what_a_new_version_needs_is_added_and_named_without_its_value(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / ".env").write_text("# mine\nA=kept\nOWN=too", encoding="utf-8")
    (tmp_path / ".env.example").write_text("# B=<random>\nA=<random>\nB=<random>\nC=plain\n", encoding="utf-8")

    main(tmp_path)

    text = (tmp_path / ".env").read_text(encoding="utf-8")
    assert text.startswith("# mine\nA=kept\nOWN=too\nB=")
    assert settings_in(text)["C"] == "plain"
    assert len(settings_in(text)["B"]) >= 32
    assert capsys.readouterr().out == "added to .env: B, C\n"


def test_what_is_drawn_is_good_enough_for_production() -> None:
    drawn = settings_in(filled(EXAMPLE))
    names = ("page_token_secret", "api_key_pepper", "account_secret", "payment_token_secret")

    settings = Settings.model_validate(
        {
            "environment": "production",
            "public_url": "https://invoices.example.com",
            "database_url": f"postgresql+asyncpg://app:{drawn['IC_INVOICE_APP_PASSWORD']}@postgres/icentral",
            "service_token_secret": drawn["IC_INVOICE_TOKEN_SECRET"],
            **{name: drawn[f"IC_{name.upper()}"] for name in names},
        }
    )

    assert settings.served_at() == "https://invoices.example.com"


def test_an_example_that_nobody_filled_in_does_not_start_in_production() -> None:
    with pytest.raises(ValidationError, match="IC_PAGE_TOKEN_SECRET holds what an example left there"):
        Settings.model_validate({"page_token_secret": settings_in(EXAMPLE)["IC_PAGE_TOKEN_SECRET"]})
