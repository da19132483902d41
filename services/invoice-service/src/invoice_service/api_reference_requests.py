"""Example requests as lines for a shell: quoted so that pasting one sends exactly what it shows."""

import json
import shlex
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import quote, urlencode

_JSON = "application/json"
_KEY = '-H "Authorization: Bearer $KEY"'
_CSRF = '-H "X-CSRF-Token: $CSRF"'
_ONCE = '-H "Idempotency-Key: $(uuidgen)"'
_VERSION = """-H 'If-Match: "1"'"""
_FILES = {"application/pdf": "invoice.pdf", "text/csv": "export.csv"}


def curl_lines(
    *,
    method: str,
    path: str,
    operation: Mapping[str, Any],
    known: Mapping[str, str],
    session_cookie: str,
) -> str:
    """``known`` are examples of parameters by name, for those that have none of their own. ``$API`` is the origin of
    the service, ``$KEY`` an API key; ``session_cookie`` is the cookie of an operation that takes no key."""
    parameters: Sequence[Mapping[str, Any]] = operation.get("parameters", ())
    lines = [f'curl "$API{_address(path, parameters, known)}"']
    if method != "GET":
        lines.append(f"-X {method}")
    if session_cookie:
        lines += [f'-H "Cookie: {session_cookie}=$SESSION"', *([] if method == "GET" else [_CSRF])]
    else:
        lines.append(_KEY)
    names = {parameter["name"]: parameter for parameter in parameters if parameter["in"] == "header"}
    if "Idempotency-Key" in names:
        lines.append(_ONCE)
    if "If-Match" in names and names["If-Match"].get("required"):
        lines.append(_VERSION)
    content = operation.get("requestBody", {}).get("content", {}).get(_JSON, {})
    if "example" in content:
        lines.append(f"-H 'Content-Type: {_JSON}'")
        lines.append(f"-d {shlex.quote(json.dumps(content['example'], indent=2, ensure_ascii=False))}")
    lines += [f"-o {_FILES[kind]}" for kind in _answer_kinds(operation) if kind in _FILES]
    return " \\\n  ".join(lines)


def _address(path: str, parameters: Sequence[Mapping[str, Any]], known: Mapping[str, str]) -> str:
    """Everything that a shell would read inside of double quotes is percent-encoded."""
    for parameter in parameters:
        name = parameter["name"]
        if parameter["in"] == "path":
            value = str(parameter.get("example", known.get(name, name.upper())))
            path = path.replace("{" + name + "}", quote(value, safe=""))
    asked = {one["name"]: str(one["example"]) for one in parameters if one["in"] == "query" and "example" in one}
    return f"{path}?{urlencode(asked)}" if asked else path


def _answer_kinds(operation: Mapping[str, Any]) -> list[str]:
    return [
        kind
        for status, answer in operation["responses"].items()
        if status.startswith("2")
        for kind in answer.get("content", {})
    ]
