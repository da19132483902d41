"""A key is checked with Stripe before it is accepted, kept sealed, and never seen again."""

import io
from collections.abc import AsyncIterator
from datetime import timedelta
from typing import Any
from uuid import UUID

import httpx
import pytest
from contracts.events.payment import PaymentLinkCreated, StripeConnectionChanged
from contracts.ids import format_id
from payment_service.actions.open_access import open_access
from payment_service.app import private_api
from payment_service.domain.stripe_answers import FailureKind, StripeFailure
from payment_service.key_vault import SecretUnreadable
from payment_service.queries.connections import current_connection
from payment_tests.fakes import ACCOUNT, KEY, OTHER_KEY, READ_ONLY_KEY, FakeKey, FakeStripe
from payment_tests.make import NOW, Desk, desk_with, keyring, setup
from service_kit.clock import Clock
from service_kit.identifiers import new_id
from service_kit.service_tokens import sign
from service_kit.testing.databases import ServiceDatabase
from service_kit.testing.waiting import run_until

SERVICE_SECRET = "service-secret-of-the-tests-0123456789"
SECOND_KEY = "sk_test_51FakeSecondCanary0009"
RESTRICTED = "rk_test_51FakeRestrictedCanary5"
ALL_NEEDED = frozenset(
    {
        "rak_payment_link_write",
        "rak_checkout_session_write",
        "rak_payment_intent_read",
        "rak_event_read",
        "rak_webhook_write",
    }
)


class FixedClock:
    def now(self) -> Any:
        return NOW


@pytest.fixture
async def http(desk: Desk) -> AsyncIterator[httpx.AsyncClient]:
    clock: Clock = FixedClock()
    api = private_api(
        database=desk.rows.open("payment"),
        setup=desk.setup,
        service_token_secret=SERVICE_SECRET,
        clock=clock,
        head=None,
    )
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app=api), base_url="http://private.test") as client:
        yield client


def _token(organization_id: UUID, **overrides: Any) -> str:
    values: dict[str, Any] = {
        "secret": SERVICE_SECRET,
        "issuer": "invoice-service",
        "audience": "payment-service",
        "organization_id": organization_id,
        "actor": "key:test",
        "now": NOW,
    }
    return sign(**values | overrides)


async def _put(http: httpx.AsyncClient, desk: Desk, body: Any, token: str | None = None) -> httpx.Response:
    return await http.put(
        f"/internal/organizations/{format_id('org', desk.organization_id)}/stripe/secret-key",
        json=body,
        headers={"Authorization": f"Bearer {token or _token(desk.organization_id)}"},
    )


async def _in_use(desk: Desk) -> str:
    async with desk.rows.open("payment").transaction(organization_id=desk.organization_id) as session:
        connection = await current_connection(session, organization_id=desk.organization_id)
        assert connection is not None
        return (await open_access(session, connection=connection, keyring=desk.setup.keyring)).secret_key


async def test_a_good_key_is_answered_with_the_picture_and_said_to_everybody(
    http: httpx.AsyncClient, desk: Desk
) -> None:
    answer = await _put(http, desk, {"secret_key": KEY})

    assert answer.status_code == 200
    picture = answer.json()
    assert picture == {
        "organization_id": format_id("org", desk.organization_id),
        "version": 1,
        "status": "ready",
        "connection_id": picture["connection_id"],
        "account_id": ACCOUNT,
        "account_name": "Fake Owner",
        "country": "DE",
        "default_currency": "EUR",
        "mode": "test",
        "sandbox": True,
        "key_kind": "secret",
        "key_last4": "0001",
        "webhook_status": "",
        "problem_code": "",
        "problem": "",
    }
    (said,) = [event for event in await desk.heard(StripeConnectionChanged) if event.version == 1]
    assert said.model_dump(mode="json") == picture
    (row,) = await desk.rows.fetch("select actor from payment.outbox where id = (select min(id) from payment.outbox)")
    assert row["actor"] == "key:test"


async def test_the_picture_can_be_asked_for_before_and_after(http: httpx.AsyncClient, desk: Desk) -> None:
    path = f"/internal/organizations/{format_id('org', desk.organization_id)}/stripe"
    headers = {"Authorization": f"Bearer {_token(desk.organization_id)}"}

    before = (await http.get(path, headers=headers)).json()
    await _put(http, desk, {"secret_key": KEY})
    after = (await http.get(path, headers=headers)).json()

    assert (before["status"], before["version"], before["sandbox"]) == ("not_connected", 0, True)
    assert (after["status"], after["key_last4"]) == ("ready", "0001")


REFUSED_KEYS = {
    "": "key-wrong-kind",
    "pk_test_51FakeOwnerCanary0001": "key-wrong-kind",
    "whsec_51FakeOwnerCanary0001": "key-wrong-kind",
    "sk_org_test_51FakeOwnerCanary": "key-wrong-kind",
    "sk_test_51FakeOwner Canary0001": "key-wrong-kind",
    "sk_test_51" + "Canary" * 60: "key-wrong-kind",
    "sk_live_51FakeOwnerCanary0001": "live-key-in-sandbox",
    "sk_test_51NobodyKnowsThisCanary": "key-refused",
    READ_ONLY_KEY: "key-lacks-permissions",
}


async def test_a_key_that_will_not_do_is_refused_by_name_and_not_repeated(http: httpx.AsyncClient, desk: Desk) -> None:
    answers = {key: await _put(http, desk, {"secret_key": key}) for key in REFUSED_KEYS}

    assert {key: (answer.status_code, answer.json()["code"]) for key, answer in answers.items()} == {
        key: (422, slug) for key, slug in REFUSED_KEYS.items()
    }
    assert {answer.json()["errors"][0]["pointer"] for answer in answers.values()} == {"/secret_key"}
    assert [key for key, answer in answers.items() if "Canary" in answer.text] == []
    assert await desk.rows.fetch("select 1 from payment.secret_keys") == []
    assert await desk.heard(StripeConnectionChanged) == []


async def test_the_missing_permissions_are_named(http: httpx.AsyncClient, desk: Desk) -> None:
    answer = await _put(http, desk, {"secret_key": READ_ONLY_KEY})

    assert answer.json()["facts"]["missing_permissions"] == [
        "rak_checkout_session_read",
        "rak_payment_intent_read",
        "rak_event_read",
        "rak_webhook_read",
    ]
    assert "rak_event_read" in answer.json()["detail"]


async def test_a_body_of_another_shape_is_refused_without_being_repeated(http: httpx.AsyncClient, desk: Desk) -> None:
    bodies: list[Any] = [{}, {"secret_key": None}, {"secret_key": 5}, {"secret_key": KEY, "account": "x"}, [], KEY]

    answers = [await _put(http, desk, body) for body in bodies]

    assert [answer.status_code for answer in answers] == [422] * len(bodies)
    assert [answer.text for answer in answers if "Canary" in answer.text] == []


async def test_nobody_comes_in_without_a_token_for_this_service_and_organisation(
    http: httpx.AsyncClient, desk: Desk
) -> None:
    refused = [
        (await _put(http, desk, {"secret_key": KEY}, token)).status_code
        for token in (
            "nonsense",
            _token(desk.organization_id, audience="invoice-service"),
            _token(desk.organization_id, secret="another-secret-of-the-tests-0123456789"),
            _token(desk.organization_id, now=NOW - timedelta(minutes=5)),
            _token(new_id()),
        )
    ]

    assert refused == [401, 401, 401, 401, 403]
    assert await desk.rows.fetch("select 1 from payment.connections") == []


@pytest.mark.parametrize("operation", ["read_account", "probe events"])
async def test_while_stripe_does_not_answer_nothing_is_saved_and_the_person_is_told(
    http: httpx.AsyncClient, desk: Desk, stripe: FakeStripe, operation: str
) -> None:
    for kind in (FailureKind.UNKNOWN, FailureKind.SERVER_ERROR, FailureKind.BUSY):
        stripe.fail(operation, StripeFailure(kind))

        answer = await _put(http, desk, {"secret_key": KEY})

        assert (answer.status_code, answer.json()["code"]) == (503, "stripe-not-answering")
    assert await desk.rows.fetch("select 1 from payment.secret_keys") == []


async def test_a_restricted_key_that_may_not_read_its_account_is_genuine(desk: Desk, stripe: FakeStripe) -> None:
    stripe.keys[RESTRICTED] = FakeKey(ACCOUNT, ALL_NEEDED)

    picture = await desk.connect(RESTRICTED)

    assert (picture.key_kind, picture.account_id, picture.status.value) == ("restricted", "", "ready")
    await desk.say(desk.invoice().sent())
    await desk.hear(PaymentLinkCreated)


async def test_a_key_that_may_not_register_webhooks_is_polled(desk: Desk, stripe: FakeStripe) -> None:
    stripe.keys[RESTRICTED] = FakeKey(ACCOUNT, ALL_NEEDED - {"rak_webhook_write"})

    picture = await desk.connect(RESTRICTED)
    await desk.quiet()

    assert picture.webhook_status == "polling_only"
    assert stripe.owner.endpoints == []


async def test_a_permission_missed_only_when_registering_ends_in_polling_too(desk: Desk, stripe: FakeStripe) -> None:
    stripe.keys[RESTRICTED] = FakeKey(ACCOUNT, (ALL_NEEDED - {"rak_webhook_write"}) | {"rak_webhook_read"})

    await desk.connect(RESTRICTED)
    await desk.quiet()

    assert (await desk.heard(StripeConnectionChanged))[-1].webhook_status == "polling_only"


@pytest.mark.parametrize("after", [True, False])
async def test_a_lost_answer_while_registering_makes_no_second_endpoint(
    desk: Desk, stripe: FakeStripe, after: bool
) -> None:
    stripe.fail("create_webhook_endpoint", *[StripeFailure(FailureKind.UNKNOWN)] * 2, after=after)

    await desk.connect()
    await desk.quiet(hurry=True)

    assert len(stripe.owner.endpoints) == 1
    assert (await desk.heard(StripeConnectionChanged))[-1].webhook_status == "active"


async def test_when_the_registration_key_is_forgotten_the_stray_endpoint_is_replaced(
    desk: Desk, stripe: FakeStripe
) -> None:
    stripe.fail("create_webhook_endpoint", StripeFailure(FailureKind.UNKNOWN), after=True)
    await desk.connect()

    async def tried() -> bool:
        return len(stripe.owner.endpoints) == 1

    await run_until(tried)
    stray = stripe.owner.endpoints[0]["id"]
    stripe.forget_keys()
    await desk.rows.advance_clock("payment", seconds=24 * 3600)
    await desk.quiet(hurry=True)

    assert [endpoint["id"] != stray for endpoint in stripe.owner.endpoints] == [True]
    assert (await desk.heard(StripeConnectionChanged))[-1].webhook_status == "active"


async def test_the_old_key_works_until_the_new_one_is_known_to_be_good(desk: Desk, stripe: FakeStripe) -> None:
    await desk.connect()
    await desk.quiet()

    async def look() -> None:
        assert await _in_use(desk) == KEY

    stripe.keys[SECOND_KEY] = FakeKey(ACCOUNT)
    stripe.during["probe events"] = look
    picture = await desk.connect(SECOND_KEY)

    assert (picture.key_last4, await _in_use(desk)) == ("0009", SECOND_KEY)
    assert len(await desk.rows.fetch("select 1 from payment.secret_keys")) == 1
    assert len(stripe.owner.endpoints) == 1
    versions = [event.version for event in await desk.heard(StripeConnectionChanged)]
    assert versions == list(range(1, len(versions) + 1))


async def test_a_refused_new_key_leaves_the_old_one_in_use(http: httpx.AsyncClient, desk: Desk) -> None:
    await desk.connect()

    answer = await _put(http, desk, {"secret_key": "sk_test_51NobodyKnowsThisCanary"})

    assert answer.status_code == 422
    assert await _in_use(desk) == KEY


async def test_a_key_of_another_account_is_refused_while_links_are_open(
    http: httpx.AsyncClient, desk: Desk, stripe: FakeStripe
) -> None:
    await desk.connect()
    await desk.say(desk.invoice().sent())
    await desk.hear(PaymentLinkCreated)

    answer = await _put(http, desk, {"secret_key": OTHER_KEY})

    assert (answer.status_code, answer.json()["code"]) == (409, "another-account-has-open-links")
    assert await _in_use(desk) == KEY


async def test_a_key_of_another_account_without_open_links_is_a_new_connection(
    http: httpx.AsyncClient, desk: Desk, stripe: FakeStripe
) -> None:
    first = await desk.connect()

    answer = await _put(http, desk, {"secret_key": OTHER_KEY})
    await desk.quiet()

    assert answer.json()["account_id"] == "acct_1FakeOther"
    assert answer.json()["connection_id"] != format_id("con", first.connection_id or new_id())
    assert len(stripe.accounts["acct_1FakeOther"].endpoints) == 1


async def test_the_same_account_is_recognised_by_its_links_where_its_id_is_hidden(
    http: httpx.AsyncClient, desk: Desk, stripe: FakeStripe
) -> None:
    first = await desk.connect()
    await desk.say(desk.invoice().sent())
    await desk.hear(PaymentLinkCreated)
    stripe.keys[RESTRICTED] = FakeKey(ACCOUNT, ALL_NEEDED)
    stripe.keys["rk_test_51OtherRestrictedCanary"] = FakeKey("acct_1FakeOther", ALL_NEEDED)

    other = await _put(http, desk, {"secret_key": "rk_test_51OtherRestrictedCanary"})
    same = await _put(http, desk, {"secret_key": RESTRICTED})

    assert other.status_code == 409
    assert same.json()["connection_id"] == format_id("con", first.connection_id or new_id())


async def test_a_database_dump_with_another_master_key_opens_nothing(desk: Desk) -> None:
    await desk.connect()
    thief = keyring("k1:" + "QUFB" * 10 + "QUE=")

    async with desk.rows.open("payment").transaction(organization_id=desk.organization_id) as session:
        connection = await current_connection(session, organization_id=desk.organization_id)
        assert connection is not None
        with pytest.raises(SecretUnreadable):
            await open_access(session, connection=connection, keyring=thief)


async def test_after_the_master_key_was_lost_entering_the_key_again_repairs_it(
    desk: Desk, service_database: ServiceDatabase, stripe: FakeStripe
) -> None:
    await desk.connect()
    await desk.quiet()
    desk.setup = setup(stripe, keyring=keyring("k2:" + "QUFB" * 10 + "QUE="))

    await desk.connect()

    assert await _in_use(desk) == KEY


async def test_a_sealed_key_copied_to_another_organisation_does_not_open_there(
    desk: Desk, service_database: ServiceDatabase, stripe: FakeStripe
) -> None:
    await desk.connect()
    async with desk_with(service_database, stripe) as other:
        await other.connect(OTHER_KEY)
        await desk.rows.fetch(
            "update payment.secret_keys s set sealed = v.sealed from payment.secret_keys v"
            " where s.organization_id = $1 and v.organization_id = $2",
            other.organization_id,
            desk.organization_id,
        )

        with pytest.raises(SecretUnreadable):
            await _in_use(other)


async def test_no_key_is_in_the_log_the_answers_or_what_was_said(
    http: httpx.AsyncClient, desk: Desk, stripe: FakeStripe, log: io.StringIO
) -> None:
    answers = [await _put(http, desk, {"secret_key": key}) for key in (KEY, OTHER_KEY, READ_ONLY_KEY)]
    del stripe.keys[KEY], stripe.keys[OTHER_KEY]
    answers.append(await _put(http, desk, {"secret_key": KEY}))
    await desk.say(desk.invoice().sent())
    await desk.quiet()

    said = await desk.rows.fetch("select payload::text from payment.outbox")
    tasks = await desk.rows.fetch("select payload::text, last_error, first_error, park_reason from payment.inbox")
    everything = log.getvalue() + "".join(answer.text for answer in answers) + repr(said) + repr(tasks)

    assert "delivery" in log.getvalue() or "payment" in log.getvalue()
    assert "Canary" not in everything
