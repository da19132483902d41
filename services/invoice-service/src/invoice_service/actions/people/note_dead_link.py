"""Counts links that open nothing, so that somebody who makes them up is slowed down. Good links are never refused."""

from service_kit.client_address import customer_network
from service_kit.database import app_now

from invoice_service.actions.people.account_desk import AccountDesk
from invoice_service.actions.people.count_tries import count_tries, try_of
from invoice_service.domain.sign_in_limits import LINK_ADDRESS


async def note_dead_link(desk: AccountDesk, *, address: str) -> None:
    """Raises `TriedTooOften`."""
    async with desk.database.transaction(organization_id=None) as session:
        tries = [try_of(desk.secrets, LINK_ADDRESS, customer_network(address))]
        await count_tries(session, tries=tries, now=await app_now(session))
