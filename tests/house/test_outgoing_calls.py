"""Where our services may call: only gateways open connections, and no request can name an address for them to fetch."""

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from invoice_service.app import describe_public_api

ROOT = Path(__file__).resolve().parents[2]
CLIENTS = frozenset(["httpx", "aiohttp", "requests", "urllib3", "aiosmtplib", "smtplib", "stripe"])
MAY_CALL = frozenset(
    [
        "invoice_service/payment_gateway.py",
        "notification_service/account_secrets_gateway.py",
        "notification_service/documents_gateway.py",
        "notification_service/invoice_access.py",
        "notification_service/mail_gateway.py",
        "payment_service/stripe_gateway.py",
    ]
)
"""Their hosts come from the settings, and what they add to them are ids of ours."""
ADDRESS = re.compile(r"(^|_)(url|uri|link|href|host|callback|webhook|endpoint|logo|image)s?($|_)")


def callers() -> set[str]:
    found = set()
    for path in ROOT.glob("services/*/src/**/*.py"):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        if any(name.split(".")[0] in CLIENTS or name == "urllib.request" for name in imported(tree)):
            found.add(str(path).split("/src/")[-1])
    return found


def imported(tree: ast.Module) -> Iterator[str]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.module or ""
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def fields_taken(document: dict[str, Any]) -> set[str]:
    """The names of all fields that bodies of requests may have, and of fields that say they are an address."""
    found: set[str] = set()

    def walk(schema: dict[str, Any], seen: frozenset[str]) -> None:
        reference = schema.get("$ref", "")
        if reference and reference not in seen:
            walk(document["components"]["schemas"][reference.rsplit("/", 1)[-1]], seen | {reference})
        for name, inner in schema.get("properties", {}).items():
            found.add("url" if inner.get("format") in ("uri", "url") else name)
            walk(inner, seen)
        for inner in [*schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("allOf", [])]:
            walk(inner, seen)
        if isinstance(schema.get("items"), dict):
            walk(schema["items"], seen)

    for operations in document["paths"].values():
        for operation in operations.values():
            for content in operation.get("requestBody", {}).get("content", {}).values():
                walk(content["schema"], frozenset())
    return found


def test_only_gateways_open_connections() -> None:
    assert callers() == MAY_CALL


def test_no_body_of_the_api_takes_an_address_to_fetch() -> None:
    fields = fields_taken(describe_public_api())

    assert len(fields) > 30
    assert {field for field in fields if ADDRESS.search(field)} == set()


def test_an_address_is_seen_wherever_it_hides_in_a_body() -> None:
    inner = {"properties": {"logo_url": {"type": "string"}, "site": {"type": "string", "format": "uri"}}}
    schema = {"anyOf": [{"type": "null"}, {"type": "array", "items": {"$ref": "#/components/schemas/Inner"}}]}
    body = {"requestBody": {"content": {"application/json": {"schema": {"properties": {"deep": schema}}}}}}

    fields = fields_taken({"paths": {"/x": {"post": body}}, "components": {"schemas": {"Inner": inner}}})

    assert fields == {"deep", "logo_url", "url"}
