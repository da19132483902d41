"""Which operations an answer leads to, as OpenAPI links: what a creation gives is what the others take."""

from collections.abc import Mapping
from typing import Any

_FROM_BODY = "$response.body#/id"
_FIRST_OF_LIST = "$response.body#/data/0/id"
_FROM_PATH = "$request.path."

_OF_A_NEW = {
    "create_customer": ("customer_id", ("get_customer", "edit_customer", "archive_customer")),
    "create_template": ("template_id", ("get_template",)),
    "create_draft": (
        "invoice_id",
        ("get_invoice", "edit_draft", "delete_draft", "send_invoice", "get_invoice_pdf", "void_invoice"),
    ),
    "create_api_key": ("api_key_id", ("roll_api_key", "revoke_api_key")),
    "create_invitation": ("invitation_id", ("resend_invitation", "revoke_invitation")),
}
_OF_A_LIST = {
    "list_customers": ("customer_id", ("get_customer",)),
    "list_templates": ("template_id", ("get_template",)),
    "list_invoices": ("invoice_id", ("get_invoice", "get_invoice_pdf", "send_invoice", "send_manually", "retry_link")),
    "list_invitations": ("invitation_id", ("resend_invitation",)),
}
_OF_THE_SAME = {
    "send_invoice": (
        "invoice_id",
        ("get_invoice", "get_invoice_pdf", "resend_invoice", "record_payment", "void_invoice", "retry_link"),
    ),
    "void_invoice": ("invoice_id", ("get_invoice", "get_invoice_pdf")),
}
_Table = Mapping[str, tuple[str, tuple[str, ...]]]


def _links(table: _Table, source: str) -> dict[str, dict[str, Any]]:
    return {
        name: {
            target: {"operationId": target, "parameters": {parameter: source.format(parameter)}} for target in targets
        }
        for name, (parameter, targets) in table.items()
    }


_REVERSING = {
    "reverse_payment": {
        "operationId": "reverse_payment",
        "parameters": {"invoice_id": f"{_FROM_PATH}invoice_id", "payment_id": _FROM_BODY},
    }
}
LINKS: Mapping[str, Mapping[str, Any]] = {
    **_links(_OF_A_NEW, _FROM_BODY),
    **_links(_OF_A_LIST, _FIRST_OF_LIST),
    **_links(_OF_THE_SAME, _FROM_PATH + "{}"),
    "record_payment": _REVERSING,
}
