"""Whose work a delivery is: everything this service does belongs to one organisation."""

from uuid import UUID

from service_kit.handlers import Delivery, Park


def organization_of(delivery: Delivery) -> UUID:
    """Raises `Park` for a row without an organisation, which nothing of ours writes."""
    if delivery.organization_id is None:
        raise Park("the row names no organisation")
    return delivery.organization_id
