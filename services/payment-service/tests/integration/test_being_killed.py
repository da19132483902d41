"""Killed once at every boundary on the way, the service ends where it would have ended anyway."""

from collections.abc import Awaitable, Callable, Iterator

import pytest
from contracts.events.payment import (
    PaymentLinkClosed,
    PaymentLinkCreated,
    PaymentReceived,
    StripeConnectionChanged,
)
from payment_service.crash_boundaries import PAYMENT_POINTS
from payment_tests.fakes import FakeStripe
from payment_tests.make import Desk, event_body
from service_kit import crash_points
from service_kit.testing.waiting import run_until

WORKER_POINTS = frozenset({"worker.before_effect_commit", "worker.after_effect_commit"})


class Killed(BaseException):
    """Nothing below the edge may catch this: the process is gone."""


@pytest.fixture
def left_to_kill() -> Iterator[set[str]]:
    left = set(PAYMENT_POINTS | WORKER_POINTS)

    def kill_once(name: str) -> None:
        if name in left:
            left.remove(name)
            raise Killed(name)

    crash_points.install(kill_once)
    yield left
    crash_points.install(None)


async def _until_done(work: Callable[[], Awaitable[object]]) -> None:
    """A person or Stripe tries again when no answer came."""
    while True:
        try:
            await work()
        except Killed:
            continue
        return


async def test_killed_once_at_every_boundary_the_end_is_the_same(
    desk: Desk, stripe: FakeStripe, left_to_kill: set[str]
) -> None:
    invoice = desk.invoice()
    await _until_done(desk.connect)

    async def registered() -> bool:
        return (await desk.heard(StripeConnectionChanged))[-1].webhook_status == "active"

    await run_until(registered, timeout_seconds=40)
    await desk.say(invoice.sent())
    (created,) = await desk.hear(PaymentLinkCreated)
    link = created.url.rsplit("/", 1)[-1]
    stripe.open(link)
    stripe.pay(link)
    for event in stripe.owner.events:
        await _until_done(lambda event=event: desk.deliver(event_body(event), secret=_secret(stripe)))  # type: ignore[misc]
    await desk.hear(PaymentReceived)
    await desk.say(invoice.balance_changed(due=0, attempt=1, with_link=False))
    await desk.hear(PaymentLinkClosed)
    await desk.quiet()

    assert left_to_kill == set()
    assert len(stripe.owner.links) == len(stripe.owner.endpoints) == 1
    assert [len(await desk.heard(kind)) for kind in (PaymentLinkCreated, PaymentReceived, PaymentLinkClosed)] == [1] * 3
    (entry,) = await desk.entries()
    assert entry["amount_minor"] == 12345
    (closed,) = await desk.heard(PaymentLinkClosed)
    assert (closed.reason, closed.captured_minor) == ("paid", 12345)
    assert await desk.parked() == []


def _secret(stripe: FakeStripe) -> str:
    return str(stripe.owner.endpoints[0]["secret"])
