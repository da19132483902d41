"""Cuts `stripe_subset.json`, an OpenAPI 3.1 document of the paths the sandbox knows, out of the installed package.

Run `python -m stripe_sandbox.cut_subset` after a change of the pinned `stripe` version; a test compares the committed
file with a fresh cut, so the two cannot drift apart unseen.
"""

import argparse
import ast
import json
import pathlib
import re
import sys

from stripe_sandbox.library_types import Schema, TypeReader, package_folder

SUBSET_FILE = pathlib.Path(__file__).with_name("stripe_subset.json")

OPERATIONS: dict[str, tuple[str, ...]] = {
    "_account_service": ("retrieve_current", "retrieve"),
    "_balance_service": ("retrieve",),
    "_balance_transaction_service": ("list", "retrieve"),
    "_charge_service": ("list", "retrieve"),
    "_dispute_service": ("list", "retrieve", "close"),
    "_event_service": ("list", "retrieve"),
    "_payment_intent_service": ("list", "retrieve", "update", "cancel"),
    "_payment_link_line_item_service": ("list",),
    "_payment_link_service": ("create", "list", "retrieve", "update"),
    "_payout_service": ("list", "retrieve"),
    "_price_service": ("list", "retrieve"),
    "_product_service": ("list", "retrieve"),
    "_refund_service": ("create", "list", "retrieve", "update"),
    "_webhook_endpoint_service": ("create", "list", "retrieve", "update", "delete"),
    "checkout/_session_line_item_service": ("list",),
    "checkout/_session_service": ("create", "list", "retrieve", "expire"),
}
RESOURCES = {
    "Account": "_account",
    "Application": "_application",
    "Balance": "_balance",
    "BalanceTransaction": "_balance_transaction",
    "Charge": "_charge",
    "Customer": "_customer",
    "Dispute": "_dispute",
    "ErrorObject": "_error_object",
    "Event": "_event",
    "LineItem": "_line_item",
    "PaymentIntent": "_payment_intent",
    "PaymentLink": "_payment_link",
    "Payout": "_payout",
    "Price": "_price",
    "Product": "_product",
    "Refund": "_refund",
    "Session": "checkout/_session",
    "WebhookEndpoint": "_webhook_endpoint",
}
UNNAMED = {"ErrorObject": "api_error", "LineItem": "item"}
LICENCE = "https://github.com/stripe/stripe-python/blob/master/LICENSE"


def _assigned(tree: ast.AST, name: str) -> str | None:
    """The text constant assigned to `name`, wherever in the tree it stands."""
    for node in ast.walk(tree):
        targets = node.targets if isinstance(node, ast.Assign) else [getattr(node, "target", None)]
        if any(isinstance(target, ast.Name) and target.id == name for target in targets):
            value = getattr(node, "value", None)
            if isinstance(value, ast.Constant) and isinstance(value.value, str):
                return value.value
    return None


def _request_call(function: ast.FunctionDef) -> tuple[str, str]:
    """The verb and the path template in the body of a service method."""
    for node in ast.walk(function):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute) and node.func.attr == "_request":
            verb, path = node.args[0], node.args[1]
            if isinstance(path, ast.Call) and isinstance(path.func, ast.Attribute):
                path = path.func.value
            if isinstance(verb, ast.Constant) and isinstance(path, ast.Constant):
                return str(verb.value), str(path.value)
    raise SystemExit(f"{function.name} makes no request that this cutter can read")


def _params_class(function: ast.FunctionDef) -> str:
    annotation = next(argument for argument in function.args.args if argument.arg == "params").annotation
    if isinstance(annotation, ast.Subscript):
        annotation = annotation.slice
    if isinstance(annotation, ast.Constant):
        return str(annotation.value)
    raise SystemExit(f"{function.name} has parameters that this cutter cannot read")


def _operation(reader: TypeReader, service: str, function: ast.FunctionDef) -> tuple[str, str, Schema]:
    verb, path = _request_call(function)
    module = reader.module(service)
    params_module, params_name = module.imports[_params_class(function)]
    resource_path = path.removeprefix("/v1/").replace("/", ".")
    there = reader.place(params_module, f"req.{resource_path}", request=True)
    params = reader.read_class(there.module.classes[params_name], there)
    if function.returns is None:
        raise SystemExit(f"{function.name} declares no answer")
    answer = reader.read(function.returns, reader.place(service, "resp", request=False))
    if verb == "delete":
        answer = {"$ref": "#/components/schemas/deleted"}
    words = re.split(r"\W|_", path.removeprefix("/v1/"))
    operation: Schema = {
        "operationId": verb.capitalize() + "".join(word.capitalize() for word in words if word),
        "parameters": [
            {"name": name, "in": "path", "required": True, "schema": {"type": "string"}}
            for name in re.findall(r"{(\w+)}", path)
        ],
        "responses": {
            "200": {"description": "OK", "content": {"application/json": {"schema": answer}}},
            "default": {
                "description": "Error",
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/error"}}},
            },
        },
    }
    if verb == "post":
        form = {"application/x-www-form-urlencoded": {"schema": params}}
        operation["requestBody"] = {"required": bool(params.get("required")), "content": form}
    else:
        operation["parameters"] += [
            {
                "name": name,
                "in": "query",
                "required": name in params.get("required", []),
                "style": "deepObject" if schema.get("type") in ("object", "array") or "anyOf" in schema else "form",
                "explode": True,
                "schema": schema,
            }
            for name, schema in params["properties"].items()
        ]
    return path, verb, operation


def _schemas(reader: TypeReader) -> Schema:
    schemas: Schema = {}
    for cls, module_name in RESOURCES.items():
        name = reader.names[cls]
        place = reader.place(module_name, name, request=False)
        schema = reader.read_class(place.module.classes[cls], place)
        schema["properties"].pop("deleted", None)  # Present only on a deleted object, which is a schema of its own.
        schemas[name] = {**schema, "x-resourceId": name}
    text = {"type": "string"}
    schemas["error"] = {
        "type": "object",
        "required": ["error"],
        "properties": {"error": {"$ref": "#/components/schemas/api_error"}},
    }
    schemas["deleted"] = {
        "type": "object",
        "required": ["deleted", "id", "object"],
        "properties": {"id": text, "object": text, "deleted": {"type": "boolean", "enum": [True]}},
    }
    return dict(sorted(schemas.items()))


def cut() -> Schema:
    """The whole document, from the package installed beside this one."""
    folder = package_folder()
    reader = TypeReader(folder, {})
    for cls, module_name in RESOURCES.items():
        declared = _assigned(reader.module(module_name).classes[cls], "OBJECT_NAME")
        reader.names[cls] = UNNAMED.get(cls) or declared or cls.lower()
    paths: Schema = {}
    for service, methods in OPERATIONS.items():
        module = reader.module(service)
        cls_node = next(node for name, node in module.classes.items() if name.endswith("Service"))
        for node in cls_node.body:
            if isinstance(node, ast.FunctionDef) and node.name in methods:
                path, verb, operation = _operation(reader, service, node)
                paths.setdefault(path, {})[verb] = operation
    library = _assigned(reader.module("_version").tree, "VERSION")
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Stripe API (subset)",
            "version": _assigned(reader.module("_api_version").tree, "CURRENT"),
            "license": {"name": "MIT", "url": LICENCE},
            "description": f"Cut from the type definitions in stripe-python {library}, which Stripe generates from its "
            "OpenAPI document. `required` lists the fields the library types as never null.",
        },
        "servers": [{"url": "https://api.stripe.com"}],
        "paths": dict(sorted(paths.items())),
        "components": {"schemas": _schemas(reader)},
    }


def as_text(document: Schema) -> str:
    """One line per path and schema: small on disk, and a change of version reads well as a diff."""

    def compact(value: object) -> str:
        return json.dumps(value, separators=(",", ":"), ensure_ascii=False)

    def block(values: Schema, indent: str) -> str:
        rows = ",\n".join(f"{indent}{compact(key)}:{compact(value)}" for key, value in values.items())
        return "{\n" + rows + "\n" + indent[:-1] + "}"

    head = {key: value for key, value in document.items() if key not in ("paths", "components")}
    return (
        f'{compact(head)[:-1]},\n"paths":{block(document["paths"], " ")},\n'
        f'"components":{{"schemas":{block(document["components"]["schemas"], "  ")}}}}}\n'
    )


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("output", nargs="?", type=pathlib.Path, default=SUBSET_FILE)
    output: pathlib.Path = parser.parse_args().output
    document = cut()
    output.write_text(as_text(document))
    operations = sum(len(verbs) for verbs in document["paths"].values())
    sys.stdout.write(f"{output}: {len(document['paths'])} paths, {operations} operations\n")


if __name__ == "__main__":
    main()
