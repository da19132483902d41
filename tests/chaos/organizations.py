"""Organisations as the bootstrap command makes them, each with an account of its own at the sandbox."""

from invoice_service.actions.api_keys.create_api_key import create_api_key
from invoice_service.actions.organizations.create_organization import create_organization
from invoice_service.domain.api_keys import SCOPES
from service_kit.database import app_now
from service_kit.identifiers import new_id

from tests.chaos.client import Client
from tests.chaos.world import API_KEY_PEPPER, World, new_key


async def new_organization(world: World) -> Client:
    organization_id = new_id()
    async with world.database.open("invoice").transaction(organization_id=organization_id) as session:
        now = await app_now(session)
        await create_organization(
            session, organization_id=organization_id, name="Chaos Ltd", email="owner@chaos.example", now=now
        )
        made = await create_api_key(
            session,
            organization_id=organization_id,
            name="chaos",
            scopes=SCOPES,
            live=False,
            pepper=API_KEY_PEPPER,
            now=now,
        )
    return Client(world=world, api_key=made.text)


async def connect_stripe(client: Client) -> None:
    """Through the API, with a key that the sandbox learns first."""
    key = f"sk_test_{new_key()}"
    await client.world.sandbox("POST", "/_sandbox/keys", {"key": key, "account": f"acct_1{new_key()}"})
    await client.write("PUT", "/v1/settings/stripe/secret-key", {"secret_key": key})
    await client.until("/v1/settings/stripe", lambda seen: seen["status"] == "ready", "the Stripe connection")
