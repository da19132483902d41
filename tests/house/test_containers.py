"""What every image and the demo's profile promise, read from the files themselves; no daemon is needed for it."""

import re
from pathlib import Path

import pytest

from deploy.new_env import filled

ROOT = Path(__file__).resolve().parents[2]
DOCKERFILES = sorted([*ROOT.glob("services/*/Dockerfile"), *ROOT.glob("deploy/images/*.Dockerfile")])
BUILDS = re.compile(r"\b(uv sync|pip install|npm ci)\b")
ENDS_BY_ITSELF = {"deploy/images/install.Dockerfile"}
FOR_THE_DEMO = {"stripe-sandbox", "inbox"}


def name_of(dockerfile: Path) -> str:
    return dockerfile.relative_to(ROOT).as_posix()


def stages(dockerfile: Path) -> list[str]:
    """Each from its FROM on, in order; the last is what runs."""
    return re.split(r"(?m)^(?=FROM )", dockerfile.read_text(encoding="utf-8"))[1:]


def in_profiles() -> dict[str, str]:
    """Each service of the compose file and its ``profiles``, or nothing for one that always starts."""
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    services = re.split(r"(?m)^(?=\S)", text.partition("\nservices:\n")[2])[0]
    blocks = re.findall(r"(?m)^  ([\w-]+):\n((?:    .*\n|\n)+)", services)
    return {name: "".join(re.findall(r"(?m)^    profiles: (.*)$", block)) for name, block in blocks}


def test_there_is_an_image_for_each_service_and_for_the_demo() -> None:
    assert {name_of(dockerfile) for dockerfile in DOCKERFILES} == {
        "services/invoice-service/Dockerfile",
        "services/notification-service/Dockerfile",
        "services/payment-service/Dockerfile",
        "deploy/images/inbox.Dockerfile",
        "deploy/images/install.Dockerfile",
        "deploy/images/sandbox.Dockerfile",
    }


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=name_of)
def test_what_builds_stays_out_of_what_runs(dockerfile: Path) -> None:
    *building, running = stages(dockerfile)

    assert any(BUILDS.search(stage) for stage in building)
    assert not BUILDS.search(running)
    assert "COPY --from=" in running


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=name_of)
def test_every_image_runs_as_a_numbered_user_who_is_not_root(dockerfile: Path) -> None:
    users = re.findall(r"(?m)^USER (.*)$", stages(dockerfile)[-1])

    assert len(users) == 1
    assert re.fullmatch(r"[1-9]\d*", users[0])


@pytest.mark.parametrize("dockerfile", DOCKERFILES, ids=name_of)
def test_every_image_that_keeps_running_says_how_it_is(dockerfile: Path) -> None:
    asked = re.findall(r"(?m)^HEALTHCHECK .*\\\n +CMD \[", stages(dockerfile)[-1])

    assert len(asked) == (0 if name_of(dockerfile) in ENDS_BY_ITSELF else 1)


def test_only_the_demo_brings_a_sandbox_and_an_inbox_along() -> None:
    profiles = in_profiles()

    assert len(profiles) == 12
    assert {name for name, named in profiles.items() if named == "[demo]"} == FOR_THE_DEMO
    assert {named for name, named in profiles.items() if name not in FOR_THE_DEMO} == {""}


def test_the_services_read_the_keyring_and_only_its_own_command_writes_it() -> None:
    text = (ROOT / "docker-compose.yml").read_text(encoding="utf-8")
    of_payment, of_keys = text.partition("\nx-notification:")[0], text.partition("\n  keys:\n")[2].partition("\n\n")[0]

    assert re.findall(r'"(keys:.*?)"', of_payment) == ["keys:/keys:ro"]
    assert re.findall(r'"(keys:.*?)"', of_keys) == ["keys:/keys"]
    assert len(re.findall(r'"keys:', text)) == 2
    assert 'command: ["create"]' in of_keys


def test_a_new_env_has_every_required_setting_and_no_mark_left() -> None:
    settings = dict(
        line.split("=", 1)
        for line in filled((ROOT / ".env.example").read_text(encoding="utf-8")).splitlines()
        if "=" in line and not line.startswith("#")
    )
    required = set(re.findall(r"\$\{(\w+):\?", (ROOT / "docker-compose.yml").read_text(encoding="utf-8")))

    assert len(required) >= 20
    assert [name for name in sorted(required) if not settings.get(name)] == []
    assert [name for name, value in settings.items() if re.search(r"[<>]|change.?me", value, re.IGNORECASE)] == []
