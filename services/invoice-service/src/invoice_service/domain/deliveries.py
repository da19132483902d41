"""How far a mail came for one recipient. News may arrive late, twice or in any order: the further state stays."""

from collections.abc import Mapping

from invoice_service.domain.statuses import DeliveryState

_DISTANCE: Mapping[DeliveryState, int] = {
    DeliveryState.QUEUED: 0,
    DeliveryState.SENDING: 1,
    DeliveryState.UNKNOWN: 2,
    DeliveryState.FAILED: 3,
    DeliveryState.SENT: 4,
    DeliveryState.BOUNCED: 5,
}


def is_further(*, said: DeliveryState, known: DeliveryState) -> bool:
    """Whether ``said`` replaces ``known``. A mail that a server took stays sent, until it bounces."""
    return _DISTANCE[said] > _DISTANCE[known]
