"""What became of an account mail, in any order of the news, and only of an invitation's newest one."""

from collections.abc import Awaitable, Callable
from itertools import permutations
from typing import Any
from uuid import UUID

import pytest
from contracts.events.accounts import AccountMailKind
from contracts.events.notification import AccountMailOutcome, AccountMailSettled
from contracts.ids import parse_id
from invoice_service.domain.permissions import Role
from invoice_tests.driver import Driver
from invoice_tests.make import Account
from invoice_tests.people import SignedInPerson
from service_kit.handlers import RetryLater
from service_kit.identifiers import new_id

NewAccount = Callable[..., Awaitable[Account]]
NewPerson = Callable[..., Awaitable[SignedInPerson]]


@pytest.fixture
async def anna(account: Account, new_person: NewPerson) -> SignedInPerson:
    return await new_person(memberships={account.organization_id: Role.OWNER})


async def _invite(anna: SignedInPerson) -> dict[str, Any]:
    return await anna.post("/v1/invitations", {"email": "ben@people.example.com", "role": "viewer"})


def _mail_of(invitation: dict[str, Any]) -> UUID:
    return parse_id("mail", invitation["mail_id"])


@pytest.mark.parametrize("order", permutations(["unknown", "failed", "sent"]), ids="-".join)
async def test_news_of_a_mail_in_any_order_ends_in_the_same_picture(
    account: Account, anna: SignedInPerson, driver: Driver, order: tuple[str, ...]
) -> None:
    invitation = await _invite(anna)

    for outcome in order:
        await driver.hear(_settled(account, _mail_of(invitation), outcome))
        await driver.hear(_settled(account, _mail_of(invitation), outcome))

    [shown] = (await anna.get("/v1/invitations"))["data"]
    assert (shown["mail_outcome"], shown["mail_reason"]) == ("sent", "because sent")


async def test_news_of_an_older_mail_does_not_touch_the_invitation(
    account: Account, anna: SignedInPerson, driver: Driver
) -> None:
    invitation = await _invite(anna)
    again = await anna.post(f"/v1/invitations/{invitation['id']}/resend")

    await driver.hear(_settled(account, _mail_of(invitation), "failed"))
    [before] = (await anna.get("/v1/invitations"))["data"]
    await driver.hear(_settled(account, _mail_of(again), "failed"))
    [after] = (await anna.get("/v1/invitations"))["data"]

    assert (before["mail_outcome"], before["mail_reason"]) == ("queued", "")
    assert (after["mail_outcome"], after["mail_reason"]) == ("failed", "because failed")


async def test_news_of_an_unknown_or_foreign_mail_waits(
    anna: SignedInPerson, new_account: NewAccount, driver: Driver
) -> None:
    invitation = await _invite(anna)
    stranger = await new_account(name="Other Ltd")

    for mail_id in (_mail_of(invitation), new_id()):
        with pytest.raises(RetryLater):
            await driver.hear(_settled(stranger, mail_id, "failed"))

    [shown] = (await anna.get("/v1/invitations"))["data"]
    assert shown["mail_outcome"] == "queued"


def _settled(account: Account, mail_id: UUID, outcome: str) -> AccountMailSettled:
    return AccountMailSettled(
        organization_id=account.organization_id,
        mail_id=mail_id,
        kind=AccountMailKind.INVITATION,
        outcome=AccountMailOutcome(outcome),
        reason=f"because {outcome}",
    )
