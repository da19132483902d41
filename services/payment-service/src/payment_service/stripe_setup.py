"""What every action that talks to Stripe needs, built once per process and passed down."""

from dataclasses import dataclass

from payment_service.keyring import Keyring
from payment_service.stripe_door import StripeDoor


@dataclass(frozen=True)
class StripeSetup:
    """``webhook_base_url`` may be empty: then nothing is registered and the poller brings every event."""

    door: StripeDoor
    keyring: Keyring
    sandbox: bool
    webhook_base_url: str
    poll_seconds: float
