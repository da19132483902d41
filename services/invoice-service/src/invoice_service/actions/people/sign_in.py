"""Signs a person in: a proven password becomes a new session, and the one whose cookie came along ends."""

from service_kit.database import app_now

from invoice_service.actions.people.account_desk import AccountDesk
from invoice_service.actions.people.audit_person import audit_person
from invoice_service.actions.people.open_session import end_presented, open_session
from invoice_service.actions.people.prove_password import prove_password, take_proof
from invoice_service.domain.actors import Actor, as_person
from invoice_service.queries.people import set_person


async def sign_in(desk: AccountDesk, *, email: str, password: str, presented: str, origin: Actor) -> str:
    """The text of the new session. ``presented`` is the cookie's, which may be a stranger's or nothing.

    Raises `SignInRefused` or `TriedTooOften`.
    """
    proven = await prove_password(desk, email=email, password=password, origin=origin)
    async with desk.database.transaction(organization_id=None) as session:
        now = await app_now(session)
        person = await take_proof(session, proven=proven)
        await end_presented(session, secrets=desk.secrets, text=presented, now=now)
        await set_person(session, person.id)
        text = await open_session(session, desk, user_id=person.id, origin=origin, now=now)
        actor = as_person(origin, user_id=person.id, email=person.email)
        await audit_person(
            session, user_id=person.id, actor=actor, action="sign_in", object_type="user", object_id=actor.id
        )
    return text
