"""The product that `make up` started: where it is met, and an organisation made inside its container."""

from pathlib import Path

from deploy.demo.bootstrap import bootstrap_arguments, fresh_owner_email, organization_in
from deploy.demo.failures import CannotRun
from deploy.demo.instance import outer_environment
from deploy.demo.journey import Addresses
from deploy.demo.processes import Processes

ROOT = Path(__file__).resolve().parents[2]
IN_CONTAINER = ["docker", "compose", "exec", "--no-TTY", "invoice-app", "python", "-m", "invoice_service.cli"]


async def composed(processes: Processes) -> Addresses:
    """Makes an organisation of its own, so that the journey can be played again and again."""
    settings = _settings(ROOT / ".env")
    arguments = bootstrap_arguments(owner_email=fresh_owner_email())
    answer = await processes.run("bootstrap", [*IN_CONTAINER, *arguments], environment=outer_environment())
    made = organization_in(answer)
    return Addresses(
        api=f"http://127.0.0.1:{settings.get('API_PORT', '8001')}",
        inbox=f"http://127.0.0.1:{settings.get('INBOX_PORT', '1080')}",
        sandbox=f"http://127.0.0.1:{settings.get('SANDBOX_PORT', '12111')}",
        api_key=made.api_key,
        owner=made.owner,
        stripe_key=settings["SANDBOX_KEY"],
    )


def _settings(path: Path) -> dict[str, str]:
    if not path.exists():
        raise CannotRun("there is no .env; start the containers first: make up")
    lines = path.read_text(encoding="utf-8").splitlines()
    pairs = (line.split("=", 1) for line in lines if "=" in line and not line.startswith("#"))
    return {name.strip(): value.strip() for name, value in pairs}
