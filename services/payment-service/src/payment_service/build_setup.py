"""From settings to what the actions need; shared by the ways in, which are the only ones that know the settings."""

from payment_service.key_vault import read_master_keys
from payment_service.settings import Settings
from payment_service.stripe_gateway import StripeGateway
from payment_service.stripe_setup import StripeSetup


def open_gateway(settings: Settings) -> StripeGateway:
    """Call it in the running loop, and close it at the end."""
    return StripeGateway(api_base=settings.stripe_api_base, requests_per_second=settings.stripe_requests_per_second)


def stripe_setup(settings: Settings, gateway: StripeGateway) -> StripeSetup:
    """Raises `MissingSetting` or `payment_service.key_vault.MasterKeysMalformed`."""
    return StripeSetup(
        door=gateway,
        master_keys=read_master_keys(settings.required("master_keys")),
        sandbox=settings.sandbox,
        webhook_base_url=settings.webhook_base_url,
        poll_seconds=settings.poll_seconds,
    )
