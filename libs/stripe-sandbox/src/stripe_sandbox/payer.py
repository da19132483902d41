"""What a payer does, for the page and for the control route alike: open a link, pay a session.

One function each, so that a payment in a test is the payment a person would make.
"""

from stripe_sandbox.instruments import instrument_for
from stripe_sandbox.refusals import Refusal
from stripe_sandbox.resources.checkout_sessions import open_from_link
from stripe_sandbox.resources.payments import Paid, Payer, pay
from stripe_sandbox.sandbox import Sandbox
from stripe_sandbox.store import Record
from stripe_sandbox.timers import run_due


class LinkInactive(Refusal):
    """The link opens nothing any more; sessions it opened earlier are not touched by that."""

    def __init__(self, link: Record) -> None:
        default = "This payment link is no longer active."
        super().__init__(status=410, message=link.body["inactive_message"] or default)


class NothingToPay(Refusal):
    def __init__(self, object_id: str) -> None:
        super().__init__(status=404, message=f"No payment link or checkout session has the id {object_id[:80]}.")


def open_session(
    sandbox: Sandbox, link_id: str, *, email: str | None = None, client_reference_id: str | None = None
) -> Record:
    """Raise `NothingToPay` or `LinkInactive`. Needs an open transaction."""
    run_due(sandbox)
    link = sandbox.store.find(link_id, kind="payment_link")
    if link is None:
        raise NothingToPay(link_id)
    if not link.body["active"]:
        raise LinkInactive(link)
    return open_from_link(sandbox, link, email=email, client_reference_id=client_reference_id)


def pay_link_or_session(sandbox: Sandbox, object_id: str, *, card: str, payer: Payer) -> Paid:
    """A link is opened first. A decline is in the answer, not raised, since it must be stored."""
    with sandbox.store.transaction():
        run_due(sandbox)
        session = sandbox.store.find(object_id, kind="checkout.session") or open_session(sandbox, object_id)
        instrument = instrument_for(card, currency=session.body["currency"])
        return pay(sandbox, session, instrument=instrument, payer=payer)
