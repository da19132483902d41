"""Close a link at Stripe that no row of ours names, left when two tries of one link each made one.

Nobody was told its address. It is closed as thoroughly as every other link, and should money have come through it all
the same, the task parks for a person, because no invoice may be settled by it unseen.
"""

from service_kit.handlers import OutsideWork, Park
from service_kit.log_setup import get_logger

from payment_service.actions.close_payment_link import close_at_stripe
from payment_service.actions.heed_failure import retry_or_park
from payment_service.actions.open_access import access_for_task
from payment_service.domain.stripe_answers import StripeFailure
from payment_service.organization import organization_of
from payment_service.queries.connections import connection as connection_by_id
from payment_service.stripe_setup import StripeSetup
from payment_service.tasks import StrayLinkTask


async def close_stray_link(work: OutsideWork, *, setup: StripeSetup) -> None:
    organization_id, task = organization_of(work.delivery), StrayLinkTask.model_validate(work.delivery.payload)
    async with work.transaction() as session:
        connection = await connection_by_id(session, organization_id=organization_id, connection_id=task.connection_id)
        access = await access_for_task(session, connection=connection, keyring=setup.keyring)
    try:
        findings = await close_at_stripe(setup, access, stripe_link_id=task.stripe_link_id)
    except StripeFailure as failure:
        await retry_or_park(work, connection_id=task.connection_id, failure=failure)
    if findings.completed:
        paid = ", ".join(seen.id for seen in findings.completed)
        raise Park(f"{task.stripe_link_id} is a link of no invoice, yet it was paid in {paid}")
    async with work.completion():
        get_logger().info("a link that no row names was closed at Stripe", stripe_link_id=task.stripe_link_id)
