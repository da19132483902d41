"""Secrets of account mails: minted while the mail is made, stored as a proof, good once, dead when their purpose is."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from contracts.catalogue import Service
from contracts.events.accounts import AccountMailKind, AccountMailRequested
from contracts.ids import format_id, parse_id
from invoice_service.actions.people.request_account_mail import request_account_mail
from invoice_service.actions.people.use_account_secret import open_account_secret, use_account_secret
from invoice_service.dependencies import Dependencies
from invoice_service.domain.account_mails import SECRETS_PER_MAIL_MAX, AccountSecretDead
from invoice_service.domain.account_secrets import Purpose
from invoice_service.domain.permissions import Role
from invoice_service.queries.people import SecretFacts
from invoice_tests.driver import Driver
from invoice_tests.make import PUBLIC_URL, SERVICE_SECRET, Account
from invoice_tests.people import SignedInPerson
from invoice_tests.standstill import standstill
from service_kit.clock import SystemClock
from service_kit.database import app_now
from service_kit.identifiers import new_id
from service_kit.service_tokens import sign
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import run_until

NewAccount = Callable[..., Awaitable[Account]]
NewPerson = Callable[..., Awaitable[SignedInPerson]]
EMAIL = "ben@people.example.com"


@dataclass(frozen=True)
class Door:
    """notification-service's side: it asks for the secret of a mail of one organisation."""

    http: httpx.AsyncClient
    parts: Dependencies
    organization_id: UUID

    async def ask(self, mail_id: UUID, **token: Any) -> httpx.Response:
        values: dict[str, Any] = {
            "secret": SERVICE_SECRET,
            "issuer": Service.NOTIFICATION.value,
            "audience": Service.INVOICE.value,
            "organization_id": self.organization_id,
            "actor": "mail",
            "now": SystemClock().now(),
        }
        return await self.http.post(
            f"/internal/account-mails/{format_id('mail', mail_id)}/secret",
            headers={"authorization": f"Bearer {sign(**{**values, **token})}"},
        )

    async def text(self, mail_id: UUID) -> str:
        """The secret itself, out of the address."""
        answer = await self.ask(mail_id)
        assert answer.status_code == 200, answer.text
        return str(answer.json()["url"]).rsplit("/", 1)[1]

    async def code(self, mail_id: UUID) -> tuple[int, str]:
        answer = await self.ask(mail_id)
        return answer.status_code, answer.json().get("code", "")

    async def use(self, text: str, purpose: Purpose) -> SecretFacts:
        async with self.parts.database.transaction(organization_id=None) as session:
            now = await app_now(session)
            return await use_account_secret(
                session, purpose=purpose, text=text, secrets=self.parts.accounts.secrets, now=now
            )

    async def open(self, text: str, purpose: Purpose) -> SecretFacts:
        async with self.parts.database.transaction(organization_id=None) as session:
            now = await app_now(session)
            return await open_account_secret(
                session, purpose=purpose, text=text, secrets=self.parts.accounts.secrets, now=now
            )

    async def reset_mail(self, person: SignedInPerson, *, good_for_seconds: int = 3600) -> UUID:
        async with self.parts.database.transaction(organization_id=self.organization_id) as session:
            return await request_account_mail(
                session,
                organization_id=self.organization_id,
                kind=AccountMailKind.PASSWORD_RESET,
                to=person.email,
                language="en",
                good_for_seconds=good_for_seconds,
                sign_in_url=f"{PUBLIC_URL}/sign-in",
                now=await app_now(session),
                user_id=person.user_id,
            )


MOOT = (409, "account-mail-moot")


@pytest.fixture
def door(account: Account, private_http: httpx.AsyncClient, dependencies: Dependencies) -> Door:
    return Door(private_http, dependencies, account.organization_id)


@pytest.fixture
async def anna(account: Account, new_person: NewPerson) -> SignedInPerson:
    return await new_person(memberships={account.organization_id: Role.OWNER}, email="anna@people.example.com")


async def _invite(anna: SignedInPerson, email: str = EMAIL) -> dict[str, Any]:
    return await anna.post("/v1/invitations", {"email": email, "role": "viewer"})


def _mail_of(invitation: dict[str, Any]) -> UUID:
    return parse_id("mail", invitation["mail_id"])


async def test_an_invitations_address_opens_that_invitation(door: Door, anna: SignedInPerson) -> None:
    invitation = await _invite(anna)

    answer = await door.ask(_mail_of(invitation))
    text = answer.json()["url"].removeprefix(f"{PUBLIC_URL}/invitation/")
    facts = await door.open(text, Purpose.INVITE)

    assert (answer.status_code, answer.headers["cache-control"]) == (200, "no-store")
    assert text.startswith("ic_invite_")
    assert facts.invitation_id == parse_id("ivt", invitation["id"])
    assert answer.json()["expires_at"] == invitation["expires_at"]


async def test_a_resets_address_opens_that_person(door: Door, anna: SignedInPerson) -> None:
    mail_id = await door.reset_mail(anna)

    url = (await door.ask(mail_id)).json()["url"]
    facts = await door.open(url.rsplit("/", 1)[1], Purpose.RESET)

    assert url.startswith(f"{PUBLIC_URL}/reset-password/ic_reset_")
    assert (facts.user_id, facts.invitation_id) == (anna.user_id, None)


async def test_the_database_and_the_events_hold_no_secret(
    door: Door, anna: SignedInPerson, service_database: ServiceDatabase
) -> None:
    mail_id = _mail_of(await _invite(anna))
    texts = [await door.text(mail_id), await door.text(await door.reset_mail(anna))]

    tables = await service_database.fetch(
        "select table_name from information_schema.tables where table_schema = 'invoice'"
    )
    dump = ""
    for row in tables:
        rows = await service_database.fetch(
            f"select coalesce(string_agg(to_jsonb(t)::text, ' '), '') as all from invoice.{row['table_name']} t"
        )
        dump += rows[0]["all"]

    assert "ben@people.example.com" in dump
    assert len(await service_database.fetch("select * from invoice.account_secrets")) == 2
    for text in texts:
        secret = text.split("_", 2)[2]
        assert secret not in dump
        assert secret.encode().hex() not in dump


async def test_each_call_mints_another_and_earlier_ones_stay_good(door: Door, anna: SignedInPerson) -> None:
    mail_id = _mail_of(await _invite(anna))

    texts = [await door.text(mail_id) for _ in range(3)]

    assert len(set(texts)) == 3
    for text in texts:
        assert (await door.open(text, Purpose.INVITE)).mail_id == mail_id


async def test_one_mail_gets_a_bounded_number_of_secrets(door: Door, anna: SignedInPerson) -> None:
    mail_id = _mail_of(await _invite(anna))

    answers = [await door.ask(mail_id) for _ in range(SECRETS_PER_MAIL_MAX + 1)]

    assert [answer.status_code for answer in answers] == [200] * SECRETS_PER_MAIL_MAX + [409]


async def test_a_secret_is_used_once_and_takes_its_siblings_with_it(door: Door, anna: SignedInPerson) -> None:
    mail_id = await door.reset_mail(anna)
    first, second = await door.text(mail_id), await door.text(mail_id)

    for _ in range(10):
        await door.open(first, Purpose.RESET)
    await door.use(second, Purpose.RESET)

    for text in (first, second):
        with pytest.raises(AccountSecretDead):
            await door.use(text, Purpose.RESET)
    assert await door.code(mail_id) == MOOT


async def test_of_two_uses_at_once_one_gets_through(
    door: Door, anna: SignedInPerson, service_database: ServiceDatabase
) -> None:
    mail_id = _mail_of(await _invite(anna))
    texts = [await door.text(mail_id), await door.text(mail_id)]

    async with standstill(service_database, table="account_secrets", waiting=2) as both_wait:
        uses = asyncio.gather(*(door.use(text, Purpose.INVITE) for text in texts), return_exceptions=True)
        await run_until(both_wait)
    outcomes = await uses

    assert sorted(type(outcome).__name__ for outcome in outcomes) == ["AccountSecretDead", "SecretFacts"]


async def test_a_secret_of_one_purpose_is_none_of_the_other(door: Door, anna: SignedInPerson) -> None:
    invitation = await door.text(_mail_of(await _invite(anna)))
    reset = await door.text(await door.reset_mail(anna))

    for text, purpose in (
        (invitation, Purpose.RESET),
        (reset, Purpose.INVITE),
        (invitation.replace("invite", "reset"), Purpose.RESET),
        (reset.replace("reset", "invite"), Purpose.INVITE),
        (reset[:-1], Purpose.RESET),
        ("", Purpose.RESET),
    ):
        with pytest.raises(AccountSecretDead):
            await door.open(text, purpose)


async def test_a_revoked_invitation_opens_nothing(door: Door, anna: SignedInPerson) -> None:
    invitation = await _invite(anna)
    text = await door.text(_mail_of(invitation))

    assert (await anna.send("DELETE", f"/v1/invitations/{invitation['id']}")).status_code == 204

    assert await door.code(_mail_of(invitation)) == MOOT
    with pytest.raises(AccountSecretDead):
        await door.use(text, Purpose.INVITE)


async def test_an_invitation_that_was_sent_again_opens_only_by_the_newest_mail(
    door: Door, anna: SignedInPerson
) -> None:
    invitation = await _invite(anna)
    old = await door.text(_mail_of(invitation))

    again = await anna.post(f"/v1/invitations/{invitation['id']}/resend")

    assert await door.code(_mail_of(invitation)) == MOOT
    with pytest.raises(AccountSecretDead):
        await door.open(old, Purpose.INVITE)
    assert (await door.open(await door.text(_mail_of(again)), Purpose.INVITE)).mail_id == _mail_of(again)


async def test_an_accepted_invitation_opens_nothing(
    door: Door, anna: SignedInPerson, service_database: ServiceDatabase
) -> None:
    invitation = await _invite(anna)
    text = await door.text(_mail_of(invitation))

    await service_database.fetch("update invoice.invitations set accepted_at = invoice.app_now()")

    assert await door.code(_mail_of(invitation)) == MOOT
    with pytest.raises(AccountSecretDead):
        await door.open(text, Purpose.INVITE)


async def test_after_seven_days_an_invitation_opens_nothing(
    door: Door, anna: SignedInPerson, service_database: ServiceDatabase
) -> None:
    invitation = await _invite(anna)
    text = await door.text(_mail_of(invitation))
    await service_database.advance_clock("invoice", seconds=7 * 86400 - 60)
    assert (await door.open(text, Purpose.INVITE)).invitation_id

    await service_database.advance_clock("invoice", seconds=61)

    assert await door.code(_mail_of(invitation)) == MOOT
    with pytest.raises(AccountSecretDead):
        await door.open(text, Purpose.INVITE)


@pytest.mark.parametrize(
    "change",
    ["disabled_at = invoice.app_now()", "password_changed_at = invoice.app_now()"],
    ids=["the person is disabled", "the password was changed since"],
)
async def test_a_reset_that_was_overtaken_opens_nothing(
    door: Door, anna: SignedInPerson, service_database: ServiceDatabase, change: str
) -> None:
    mail_id, other = await door.reset_mail(anna), await door.reset_mail(anna)
    texts = [await door.text(mail_id), await door.text(other)]

    await service_database.fetch(f"update invoice.users set {change}")

    assert [await door.code(mail_id), await door.code(other)] == [MOOT, MOOT]
    for text in texts:
        with pytest.raises(AccountSecretDead):
            await door.use(text, Purpose.RESET)


async def test_a_password_change_before_the_mail_does_not_matter(
    door: Door, anna: SignedInPerson, service_database: ServiceDatabase
) -> None:
    await service_database.fetch("update invoice.users set password_changed_at = invoice.app_now()")
    await service_database.advance_clock("invoice", seconds=1)

    text = await door.text(await door.reset_mail(anna))

    assert (await door.use(text, Purpose.RESET)).user_id == anna.user_id


async def test_a_reset_is_over_when_its_hour_is(
    door: Door, anna: SignedInPerson, service_database: ServiceDatabase
) -> None:
    mail_id = await door.reset_mail(anna, good_for_seconds=3600)
    text = await door.text(mail_id)

    await service_database.advance_clock("invoice", seconds=3601)

    assert await door.code(mail_id) == MOOT
    with pytest.raises(AccountSecretDead):
        await door.open(text, Purpose.RESET)


async def test_only_notification_service_gets_a_secret_and_only_of_its_tokens_organisation(
    door: Door, anna: SignedInPerson, account: Account, new_account: NewAccount, public_http: httpx.AsyncClient
) -> None:
    mail_id = _mail_of(await _invite(anna))
    stranger = await new_account(name="Other Ltd")
    path = f"/internal/account-mails/{format_id('mail', mail_id)}/secret"

    refused = [
        await door.http.post(path),
        await door.http.post(path, headers={"authorization": f"Bearer {account.key}"}),
        await door.ask(mail_id, secret="x" * 40),
        await door.ask(mail_id, issuer=Service.PAYMENT.value),
        await door.ask(mail_id, issuer=Service.INVOICE.value),
        await door.ask(mail_id, audience=Service.PAYMENT.value),
        await door.ask(mail_id, now=SystemClock().now() - timedelta(hours=1)),
    ]
    foreign = await door.ask(mail_id, organization_id=stranger.organization_id)
    unknown = await door.ask(new_id())
    public = await public_http.post(path)

    assert [answer.status_code for answer in refused] == [401] * 7
    assert [answer.json()["code"] for answer in (foreign, unknown)] == ["account-mail-not-found"] * 2
    assert [answer.status_code for answer in (foreign, unknown, public)] == [404] * 3
    assert all("ic_invite_" not in answer.text for answer in (*refused, foreign, unknown, public))


async def test_the_request_for_a_mail_says_who_invites_whom_and_holds_no_secret(
    account: Account, anna: SignedInPerson, driver: Driver
) -> None:
    invitation = await anna.post("/v1/invitations", {"email": EMAIL, "role": "accountant", "language": "de"})

    [said] = await driver.said(AccountMailRequested, _mail_of(invitation))

    assert said == {
        "organization_id": account.organization_id,
        "mail_id": _mail_of(invitation),
        "kind": AccountMailKind.INVITATION,
        "to": EMAIL,
        "language": "de",
        "person_name": "",
        "organization_name": "Nordlicht Studio",
        "inviter_name": "Anna Beispiel",
        "role": "accountant",
        "expires_in_hours": 168,
        "sign_in_url": f"{PUBLIC_URL}/sign-in",
        "happened_at": None,
    }
