"""The main story, as `make demo` plays it, with its own checks."""

from deploy.demo.journey import Addresses, play
from deploy.demo.progress import Progress


async def test_an_invoice_by_hand_and_one_by_stripe_go_out_and_come_back_paid(addresses: Addresses) -> None:
    await play(addresses, progress=Progress())
