"""What every task does when Stripe says no and nothing of the task's own follows from it: come back later, or park.

A refused key or a missing permission is the connection's trouble, said once for all its tasks; they wait with growing
delays and go on when a better key is there.
"""

from typing import NoReturn
from uuid import UUID

from service_kit.handlers import OutsideWork, Park

from payment_service.actions.describe_connection import note_trouble
from payment_service.domain.link_creation import KEY_REFUSED_MESSAGE, permission_message
from payment_service.domain.stripe_answers import FailureKind, StripeFailure
from payment_service.organization import organization_of
from payment_service.tasks import not_now


def trouble_of(failure: StripeFailure) -> tuple[str, str] | None:
    """The connection's problem code and text, where the failure is the connection's and not the request's."""
    if failure.kind is FailureKind.KEY_REFUSED:
        return "key_refused", KEY_REFUSED_MESSAGE
    if failure.kind is FailureKind.PERMISSION_MISSING:
        return "permission_missing", permission_message(failure.permission)
    return None


async def retry_or_park(work: OutsideWork, *, connection_id: UUID, failure: StripeFailure) -> NoReturn:
    """Raises a `RetryLater` that never gives up or a `Park`, after the connection's trouble is recorded."""
    trouble = trouble_of(failure)
    if trouble is not None:
        async with work.transaction() as session:
            await note_trouble(
                session,
                organization_id=organization_of(work.delivery),
                connection_id=connection_id,
                code=trouble[0],
                problem=trouble[1],
            )
    elif not failure.maybe_later:
        raise Park(str(failure))
    raise not_now(str(failure), after_seconds=failure.retry_after_seconds)
