"""From an order to a link at Stripe, and every answer on the way."""

from contracts.events.payment import PaymentLinkCreated, PaymentLinkFailed
from payment_tests.fakes import FakeStripe
from payment_tests.make import Desk


async def test_an_order_becomes_one_link_at_stripe_and_one_event(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    invoice = desk.invoice()

    await desk.say(invoice.sent(), invoice.sent())
    (created,) = await desk.hear(PaymentLinkCreated)
    await desk.quiet()

    (link,) = stripe.owner.links
    assert created.url == link["url"]
    assert (created.attempt, created.amount_minor, created.currency) == (1, 12345, "EUR")
    assert (link["amount"], link["currency"], link["active"]) == (12345, "eur", True)
    assert len(await desk.heard(PaymentLinkCreated)) == 1
    assert [row["status"] for row in await desk.links()] == ["active"]


async def test_without_a_connection_the_link_fails_with_a_remedy(desk: Desk, stripe: FakeStripe) -> None:
    await desk.say(desk.invoice().sent())

    (failed,) = await desk.hear(PaymentLinkFailed)

    assert failed.reason_code == "not_connected"
    assert "settings" in failed.message
    assert stripe.calls == []
