"""What can be said about a customer; only what a request says is changed."""

from typing import Any, TypedDict


class CustomerFields(TypedDict, total=False):
    name: str
    legal_name: str
    contact_name: str
    email: str
    phone: str
    address: dict[str, Any]
    tax_id: str
    language: str
    currency: str
    notes: str
    metadata: dict[str, str]


def columns_of(fields: CustomerFields) -> dict[str, Any]:
    """``metadata`` is a name that the mapping layer keeps for itself."""
    return {"metadata_" if name == "metadata" else name: value for name, value in fields.items()}
