"""Changes the password of somebody who is signed in and knows the present one."""

from collections.abc import Sequence

from service_kit.database import app_now

from invoice_service.actions.people.account_desk import AccountDesk
from invoice_service.actions.people.audit_person import audit_person
from invoice_service.actions.people.open_session import open_session
from invoice_service.actions.people.prove_password import prove_password, take_proof
from invoice_service.actions.people.set_password import hash_new_password, store_password, tell_of_new_password
from invoice_service.domain.actors import Actor, as_person
from invoice_service.domain.passwords import PasswordRefused
from invoice_service.queries.people import OwnMembership, own_memberships


async def change_password(
    desk: AccountDesk,
    *,
    email: str,
    name: str,
    memberships: Sequence[OwnMembership],
    present: str,
    wanted: str,
    origin: Actor,
) -> str:
    """The text of the new session of this browser; all others have ended.

    Raises `SignInRefused` or `TriedTooOften` for the present one, and only then `PasswordRefused` for the new one.
    """
    proven = await prove_password(desk, email=email, password=present, origin=origin)
    pointer, known = "/new_password", [member.organization_name for member in memberships]
    try:
        if wanted == present:
            raise PasswordRefused("That is the password you have. Choose another.", pointer=pointer)
        stored = await hash_new_password(
            desk, password=wanted, email=email, name=name, organizations=known, pointer=pointer
        )
    except PasswordRefused:
        # The present one was right, so it is no wrong try.
        async with desk.database.transaction(organization_id=None) as session:
            await take_proof(session, proven=proven)
        raise
    async with desk.database.transaction(organization_id=None) as session:
        now = await app_now(session)
        person = await take_proof(session, proven=proven)
        await store_password(session, person=person, password_hash=stored, now=now)
        text = await open_session(session, desk, user_id=person.id, origin=origin, now=now)
        current = await own_memberships(session, user_id=person.id)
        actor = as_person(origin, user_id=person.id, email=person.email)
        await audit_person(
            session,
            user_id=person.id,
            actor=actor,
            action="password_changed",
            object_type="user",
            object_id=actor.id,
        )
        await tell_of_new_password(session, desk, person=person, memberships=current, now=now)
    return text
