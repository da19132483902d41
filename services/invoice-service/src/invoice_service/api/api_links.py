"""Which operations an answer leads to, as OpenAPI links: what a creation gives is what the others take."""

from collections.abc import Mapping
from typing import Any

_FROM_BODY = "$response.body#/id"
_FROM_PATH = "$request.path."

_OF_A_NEW = {
    "create_customer": ("customer_id", ("get_customer", "edit_customer", "archive_customer")),
    "create_template": ("template_id", ("get_template",)),
    "create_draft": (
        "invoice_id",
        ("get_invoice", "edit_draft", "delete_draft", "send_invoice", "get_invoice_pdf", "void_invoice"),
    ),
    "create_invitation": ("invitation_id", ("resend_invitation", "revoke_invitation")),
}
_OF_THE_SAME = {
    "send_invoice": (
        "invoice_id",
        ("get_invoice", "get_invoice_pdf", "resend_invoice", "record_payment", "void_invoice", "retry_link"),
    ),
}


def _links() -> dict[str, dict[str, Any]]:
    made = {
        name: {target: {"operationId": target, "parameters": {parameter: _FROM_BODY}} for target in targets}
        for name, (parameter, targets) in _OF_A_NEW.items()
    }
    same = {
        name: {target: {"operationId": target, "parameters": {parameter: _FROM_PATH + parameter}} for target in targets}
        for name, (parameter, targets) in _OF_THE_SAME.items()
    }
    return {**made, **same}


LINKS: Mapping[str, Mapping[str, Any]] = _links()
