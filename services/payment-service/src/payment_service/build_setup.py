"""From settings to what the actions need; shared by the ways in, which are the only ones that know the settings."""

from pathlib import Path

from service_kit.settings import Environment, MissingSetting

from payment_service.key_vault import MasterKeysMalformed, read_master_keys
from payment_service.keyring import FixedKeyring, Keyring, KeyringFile
from payment_service.settings import Settings
from payment_service.stripe_gateway import StripeGateway
from payment_service.stripe_setup import StripeSetup


def open_gateway(settings: Settings) -> StripeGateway:
    """Call it in the running loop, and close it at the end."""
    return StripeGateway(api_base=settings.stripe_api_base, requests_per_second=settings.stripe_requests_per_second)


def open_keyring(settings: Settings) -> Keyring:
    """Raises `MissingSetting` or `payment_service.key_vault.MasterKeysMalformed`."""
    if settings.master_keys and settings.master_keys_file:
        raise MasterKeysMalformed("IC_MASTER_KEYS and IC_MASTER_KEYS_FILE are both set; keep one of them")
    if settings.master_keys_file:
        return KeyringFile(Path(settings.master_keys_file), guarded=settings.environment is Environment.PRODUCTION)
    if not settings.master_keys:
        raise MissingSetting("IC_MASTER_KEYS is not set, nor is IC_MASTER_KEYS_FILE; set one of them")
    return FixedKeyring(read_master_keys(settings.master_keys))


def stripe_setup(settings: Settings, gateway: StripeGateway) -> StripeSetup:
    """Raises `MissingSetting` or `payment_service.key_vault.MasterKeysMalformed`."""
    return StripeSetup(
        door=gateway,
        keyring=open_keyring(settings),
        sandbox=settings.sandbox,
        webhook_base_url=settings.webhook_base_url,
        poll_seconds=settings.poll_seconds,
    )
