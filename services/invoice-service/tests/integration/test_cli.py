"""The command line: a first organisation that works at once, keys that are shown once, and clear refusals."""

import asyncio
import json
from typing import Any

import httpx
import pytest
from contracts.ids import format_id
from invoice_service.cli import main
from invoice_tests.make import PEPPER, Account
from service_kit.identifiers import new_id
from service_kit.testing.databases import ServiceDatabase


@pytest.fixture
def environment(service_database: ServiceDatabase, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IC_ENVIRONMENT", "test")
    monkeypatch.setenv("IC_INSTANCE", service_database.roles_of)
    monkeypatch.setenv("IC_DATABASE_URL", service_database.url("invoice"))
    monkeypatch.setenv("IC_WORKER_DATABASE_URL", service_database.url("invoice", "worker"))
    monkeypatch.setenv("IC_OWNER_DATABASE_URL", service_database.url("invoice", "owner"))
    monkeypatch.setenv("IC_API_KEY_PEPPER", PEPPER)


async def _run(capsys: pytest.CaptureFixture[str], *arguments: str) -> tuple[int, Any, str]:
    """Status, the JSON on standard output if there is any, and standard error."""
    status = await asyncio.to_thread(main, arguments)
    said = capsys.readouterr()
    return status, json.loads(said.out) if said.out else None, said.err


@pytest.mark.usefixtures("environment")
async def test_bootstrap_makes_an_organisation_that_can_work_at_once(
    capsys: pytest.CaptureFixture[str], public_http: httpx.AsyncClient
) -> None:
    status, made, _ = await _run(capsys, "bootstrap", "--name", "Nordlicht", "--email", "office@nordlicht.example.com")

    headers = {"Authorization": f"Bearer {made['api_key']}"}
    settings = (await public_http.get("/v1/settings/organization", headers=headers)).json()
    templates = (await public_http.get("/v1/templates", headers=headers)).json()
    assert status == 0
    assert made["api_key"].startswith("ic_test_")
    assert len(made["api_key"].split("_", 3)[3]) == 43
    assert (settings["id"], settings["name"]) == (made["organization_id"], "Nordlicht")
    assert len(templates["data"]) == 5


@pytest.mark.usefixtures("environment")
async def test_a_live_key_is_made_only_in_production(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IC_ENVIRONMENT", "production")

    _, made, _ = await _run(capsys, "bootstrap", "--name", "Nordlicht", "--email", "office@nordlicht.example.com")

    assert made["api_key"].startswith("ic_live_")


@pytest.mark.usefixtures("environment")
async def test_a_key_is_made_listed_without_its_text_and_revoked(
    capsys: pytest.CaptureFixture[str], account: Account, public_http: httpx.AsyncClient
) -> None:
    organization = format_id("org", account.organization_id)

    _, made, _ = await _run(
        capsys, "api-key", "create", "--organization", organization, "--name", "shop", "--scopes", "read"
    )
    _, listed, _ = await _run(capsys, "api-key", "list", "--organization", organization)
    await _run(capsys, "api-key", "revoke", "--organization", organization, "--key", made["api_key_id"])

    assert made["api_key"] not in json.dumps(listed)
    assert [(row["name"], row["scopes"]) for row in listed["api_keys"]] == [
        ("tests", ["admin", "read", "write"]),
        ("shop", ["read"]),
    ]
    refused = await public_http.get("/v1/invoices", headers={"Authorization": f"Bearer {made['api_key']}"})
    assert refused.status_code == 401


@pytest.mark.usefixtures("environment")
async def test_a_key_is_rolled_and_the_operator_is_in_the_audit_log(
    capsys: pytest.CaptureFixture[str],
    account: Account,
    public_http: httpx.AsyncClient,
    service_database: ServiceDatabase,
) -> None:
    of = ("--organization", format_id("org", account.organization_id))
    _, made, _ = await _run(capsys, "api-key", "create", *of, "--name", "shop", "--scopes", "read,write,admin")

    _, rolled, _ = await _run(capsys, "api-key", "roll", *of, "--key", made["api_key_id"], "--overlap-seconds", "0")
    await _run(capsys, "api-key", "revoke", *of, "--key", rolled["api_key_id"])
    again, _, reason = await _run(capsys, "api-key", "roll", *of, "--key", made["api_key_id"])

    for key in (made, rolled):
        refused = await public_http.get("/v1/invoices", headers={"Authorization": f"Bearer {key['api_key']}"})
        assert refused.status_code == 401
    assert (again, "expired" in reason) == (1, True)
    lines = await service_database.fetch(
        "select action, actor, object_id, a::text as whole from invoice.audit_log a order by at, id"
    )
    assert [(line["action"], line["actor"], line["object_id"]) for line in lines] == [
        ("create_api_key", "operator", made["api_key_id"]),
        ("roll_api_key", "operator", made["api_key_id"]),
        ("revoke_api_key", "operator", rolled["api_key_id"]),
    ]
    assert not any(key["api_key"].split("_", 3)[3] in line["whole"] for line in lines for key in (made, rolled))


@pytest.mark.usefixtures("environment")
async def test_migrating_again_changes_nothing(capsys: pytest.CaptureFixture[str]) -> None:
    status, answer, _ = await _run(capsys, "migrate")

    assert (status, answer) == (0, {"migrated": "invoice"})


@pytest.mark.usefixtures("environment")
async def test_what_is_parked_is_shown_and_replayed(
    capsys: pytest.CaptureFixture[str], account: Account, service_database: ServiceDatabase
) -> None:
    event_id = new_id()
    await service_database.fetch(
        "insert into invoice.inbox (consumer, event_id, organization_id, type, payload, state, park_reason, parked_at) "
        "values ('tasks', $1, $2, 'task.test', '{\"a\": 1}', 'parked', 'nobody knows', now())",
        event_id,
        account.organization_id,
    )

    _, listed, _ = await _run(capsys, "parked", "list")
    _, shown, _ = await _run(capsys, "parked", "show", str(event_id))
    because = ("--reason", "the template was mended")
    _, replayed, _ = await _run(capsys, "parked", "replay", str(event_id), *because)
    again, _, reason = await _run(capsys, "parked", "replay", str(event_id), *because)
    noted = await service_database.fetch("select actor, action, object_id, details->>'reason' from invoice.audit_log")

    assert [(row["event_id"], row["park_reason"]) for row in listed["parked"]] == [(str(event_id), "nobody knows")]
    assert "payload" not in listed["parked"][0]
    assert "payload" in shown["parked"][0]
    assert replayed == {"ready_again": [str(event_id)]}
    [line] = await service_database.fetch("select action, actor, object_id from invoice.audit_log")
    assert tuple(line) == ("replay_parked", "operator", str(event_id))
    assert again == 1
    assert "nothing is parked" in reason
    assert [tuple(row) for row in noted] == [("operator", "replay_parked", str(event_id), "the template was mended")]


@pytest.mark.usefixtures("environment")
async def test_mistakes_are_answered_with_a_reason_and_no_traceback(
    capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch, subtests: pytest.Subtests
) -> None:
    nobody = "org_00000000000000000000000000"
    for arguments, words in (
        (("api-key", "create", "--organization", "org_x", "--name", "a"), "starts with org_"),
        (("api-key", "create", "--organization", nobody, "--name", "a"), "no organisation"),
        (("api-key", "create", "--organization", nobody, "--name", "a", "--scopes", "everything"), "no organisation"),
        (("parked", "show", "00000000-0000-0000-0000-000000000000"), "nothing is parked"),
    ):
        with subtests.test(" ".join(arguments)):
            status, answer, reason = await _run(capsys, *arguments)
            assert (status, answer) == (1, None)
            assert words in reason
            assert "Traceback" not in reason
    monkeypatch.delenv("IC_API_KEY_PEPPER")
    status, _, reason = await _run(capsys, "bootstrap", "--name", "A", "--email", "a@example.com")
    assert (status, reason.strip()) == (1, "IC_API_KEY_PEPPER is not set")
