"""`make audit` asks about every locked component and fails when one of them has a published weakness."""

import json
import os
import re
import subprocess
import threading
import tomllib
from collections.abc import Iterator
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
ADVISORY = {
    "id": "TEST-2026-1",
    "modified": "2026-11-01T00:00:00Z",
    "summary": "anybody may read everything",
    "affected": [
        {
            "package": {"ecosystem": "PyPI", "name": "httpx"},
            "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "999"}]}],
        }
    ],
}


@dataclass
class Advisories:
    """A service of advisories that knows one weakness, of the component named ``weak``."""

    address: str = ""
    weak: str = ""
    asked: set[tuple[str, str]] = field(default_factory=set)

    def about(self, queries: list[dict[str, Any]]) -> dict[str, Any]:
        self.asked |= {(query["package"]["name"], query["version"]) for query in queries}
        known = [{"id": ADVISORY["id"], "modified": ADVISORY["modified"]}]
        return {"results": [{"vulns": known} if one["package"]["name"] == self.weak else {} for one in queries]}


@pytest.fixture
def advisories() -> Iterator[Advisories]:
    known = Advisories()

    class Answers(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            self._say(known.about(asked["queries"]))

        def do_GET(self) -> None:
            self._say(ADVISORY)

        def _say(self, answer: dict[str, Any]) -> None:
            body = json.dumps(answer).encode()
            self.send_response(200)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args: Any) -> None:
            """Keep the output of the tests quiet."""

    server = ThreadingHTTPServer(("127.0.0.1", 0), Answers)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    known.address = f"http://127.0.0.1:{server.server_port}"
    yield known
    server.shutdown()


def audit(advisories: Advisories) -> subprocess.CompletedProcess[str]:
    arguments = f"ARGS=--no-cache --service-url {advisories.address}"
    environment = {**os.environ, "UV_HTTP_RETRIES": "0"}
    return subprocess.run(
        ["make", "audit", arguments], cwd=ROOT, env=environment, capture_output=True, text=True, check=False
    )


def locked() -> set[tuple[str, str]]:
    packages = tomllib.loads((ROOT / "uv.lock").read_text(encoding="utf-8"))["package"]
    return {(each["name"], each["version"]) for each in packages if "registry" in each["source"]}


def test_every_locked_component_is_asked_about(advisories: Advisories) -> None:
    result = audit(advisories)

    assert result.returncode == 0, result.stderr
    assert len(advisories.asked) > 80
    assert advisories.asked == locked()


def test_a_published_weakness_fails_the_audit_with_its_remedy(advisories: Advisories) -> None:
    advisories.weak = "httpx"

    result = audit(advisories)

    assert result.returncode != 0
    assert "TEST-2026-1" in result.stdout
    assert "uv lock --upgrade-package" in result.stdout


def test_an_audit_that_could_not_ask_is_no_clean_one() -> None:
    result = audit(Advisories(address="http://127.0.0.1:9"))

    assert result.returncode != 0


def test_the_check_does_not_depend_on_what_others_publish_meanwhile() -> None:
    makefile = (ROOT / "Makefile").read_text(encoding="utf-8")

    (needed,) = re.findall(r"^check: ([^#]*)", makefile, re.MULTILINE)

    assert "audit" not in needed


def test_the_list_of_components_names_each_one_that_images_install() -> None:
    # Inside `make test` this make is a nested one, which would also say which directory it enters.
    command = ["make", "--silent", "--no-print-directory", "sbom"]
    result = subprocess.run(command, cwd=ROOT, capture_output=True, text=True, check=False)

    listed = json.loads(result.stdout)
    names = {component["name"] for component in listed["components"]}
    assert (listed["bomFormat"], listed["specVersion"]) == ("CycloneDX", "1.5")
    assert {"fastapi", "cryptography", "argon2-cffi", "stripe", "aiosmtplib"} <= names
    assert "pytest" not in names
