"""After a day with every kind of secret in it none is in the database, a log, a message, nor in a wrong answer or mail.

That we really looked is proven at each place by a name that is no secret and has to be found there.
"""

import json
import re
import secrets
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass

import pytest_asyncio

from deploy.demo.inbox import received
from deploy.demo.waiting import until
from tests.journeys.account_mails import everything_in
from tests.journeys.canaries import Watch, canary
from tests.journeys.conftest import Product, new_organization
from tests.journeys.people import house_of
from tests.journeys.places import dump, heard, logs, rows, say_noise
from tests.journeys.recorder import Recorder
from tests.journeys.secret_story import Story
from tests.journeys.stored_secrets import of_payment_service, of_settings

Evidence = Callable[[str, object], None]

# What nobody could plant beforehand: the tokens by which services call each other, and the hash of a password.
SERVICE_TOKEN = re.compile(r"eyJ[\w-]{8,}\.eyJ[\w-]{8,}\.[\w-]{16,}")
PASSWORD_HASH = re.compile(r"\$argon2id?\$")

PROCESSES = [f"{service}-{way}" for service in ("invoice", "payment", "notification") for way in ("app", "worker")]
KINDS = {
    *("API key", "CSRF token", "Stripe key", "data key", "form cookie", "form token", "mailed secret", "master key"),
    *("password", "password typed as e-mail", "session", "webhook secret", "wrong password"),
    *("IC_ACCOUNT_SECRET", "IC_API_KEY_PEPPER", "IC_INVOICE_TOKEN_SECRET", "IC_PAGE_TOKEN_SECRET"),
    *("IC_PAYMENT_TOKEN_SECRET", "IC_SERVICE_TOKEN_SECRET", "IC_SMTP_PASSWORD"),
    *("IC_BROKER_URL", "IC_DATABASE_URL", "IC_OWNER_DATABASE_URL", "IC_WORKER_DATABASE_URL"),
}
GIVEN_ON_PURPOSE = {
    # Shown once, to be kept.
    "POST /v1/api-keys: body": {"API key"},
    "POST /v1/api-keys/{id}/roll: body": {"API key"},
    # Cookies, and what proves that a form or a write comes from a page that this browser was given.
    "POST /sign-in: set-cookie": {"session"},
    "POST /invitation/{secret}: set-cookie": {"session"},
    "GET /v1/session: body": {"CSRF token"},
    "GET /account: body": {"CSRF token"},
    "GET /sign-in: set-cookie": {"form cookie"},
    "GET /sign-in: body": {"form token"},
    "GET /forgot-password: set-cookie": {"form cookie"},
    "GET /forgot-password: body": {"form token"},
    # A mailed link leads to a form that is sent to where it was opened, again when it was filled in wrongly.
    "GET /reset-password/{secret}: set-cookie": {"form cookie"},
    "GET /reset-password/{secret}: body": {"form token", "mailed secret"},
    "GET /invitation/{secret}: set-cookie": {"form cookie"},
    "GET /invitation/{secret}: body": {"form token", "mailed secret"},
    "POST /invitation/{secret}: body": {"form token", "mailed secret"},
    # Who is refused finds again what they typed as their e-mail address; never what they typed as their password.
    "POST /sign-in: body": {"form token", "password typed as e-mail"},
}
"""Every answer that may hold a secret, and which: there are no others."""


@dataclass(frozen=True)
class Aftermath:
    """Everything that was left lying when the day was over. ``control`` has to be found in all of it."""

    watch: Watch
    control: Watch
    kinds: Sequence[str]
    invited: str
    rows: Mapping[str, Sequence[str]]
    dump: str | None
    logs: Mapping[str, Sequence[str]]
    messages: Mapping[str, Sequence[str]]
    mails: Mapping[str, Sequence[str]]
    recorder: Recorder


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def aftermath(product: Product) -> AsyncIterator[Aftermath]:
    control = f"Harmless-{secrets.token_hex(12)}"
    instance, recorder = product.instance, Recorder(thread=control)
    addresses = await new_organization(product)

    async with house_of(instance, product.processes, addresses, new_client=recorder.client) as house:
        story = Story(house=house, recorder=recorder, control=control)
        await story.happen()
        await say_noise(instance, to="invoice.sent.v1", body=control)
        messages = await _heard_until_the_noise_is_buried(product)
        known = [
            *story.canaries,
            *recorder.issued(),
            *of_settings(instance),
            *await of_payment_service(instance, organization_id=story.organization_id),
        ]
        yield Aftermath(
            watch=Watch(known),
            control=Watch([canary("control", control)]),
            kinds=[one.kind for one in known],
            invited=story.invited,
            rows=await rows(instance),
            dump=await dump(instance),
            logs=logs(product.processes.logs),
            messages=messages,
            mails=await _mails_by_recipient(instance.inbox_url),
            recorder=recorder,
        )


async def _heard_until_the_noise_is_buried(product: Product) -> Mapping[str, Sequence[str]]:
    so_far: dict[str, list[str]] = {}

    async def listen() -> dict[str, list[str]]:
        for exchange, more in (await heard(product.instance)).items():
            so_far.setdefault(exchange.removeprefix(f"{product.instance.name}."), []).extend(more)
        return so_far

    return await until(listen, lambda seen: "dead" in seen, what="the dead letter")


async def _mails_by_recipient(inbox: str) -> dict[str, list[str]]:
    by_recipient: dict[str, list[str]] = {}
    for mail in await received(inbox):
        by_recipient.setdefault(str(mail["to"]), []).append(everything_in(mail))
    return by_recipient


def found(watch: Watch, places: Mapping[str, Sequence[str]]) -> dict[str, set[str]]:
    """Which kinds stand in which place; places without any are left out."""
    seen = {place: watch.found_in("\n".join(texts)) for place, texts in places.items()}
    return {place: kinds for place, kinds in seen.items() if kinds}


def test_every_kind_of_secret_took_part(aftermath: Aftermath, record_property: Evidence) -> None:
    assert set(aftermath.kinds) == KINDS
    record_property("evidence", f"{len(aftermath.kinds)} canaries of {len(KINDS)} kinds")


def test_no_row_and_no_dump_of_the_database_holds_a_secret(aftermath: Aftermath, record_property: Evidence) -> None:
    looked_at = {**aftermath.rows, "pg_dump": [aftermath.dump or ""]}

    assert found(aftermath.watch, looked_at) == {}
    assert not any(SERVICE_TOKEN.search(row) for texts in looked_at.values() for row in texts)
    assert "invoice.customers" in found(aftermath.control, looked_at)
    assert aftermath.dump is None or "pg_dump" in found(aftermath.control, looked_at)
    held = {table for table, lines in aftermath.rows.items() if lines}
    assert {f"{schema}.outbox" for schema in ("invoice", "payment", "notification")} <= held
    assert {"invoice.users", "invoice.audit_log", "invoice.idempotency_keys", "payment.secret_keys"} <= held
    lines = sum(len(texts) for texts in aftermath.rows.values())
    record_property(
        "evidence", f"{lines} rows in {len(held)} of {len(aftermath.rows)} tables, dump of {len(aftermath.dump or '')}"
    )


def test_no_line_of_any_process_holds_a_secret(aftermath: Aftermath, record_property: Evidence) -> None:
    everything = [line for lines in aftermath.logs.values() for line in lines]

    assert found(aftermath.watch, aftermath.logs) == {}
    assert not any(SERVICE_TOKEN.search(line) or PASSWORD_HASH.search(line) for line in everything)
    assert {"payment-app", "payment-worker", "notification-worker"} <= found(aftermath.control, aftermath.logs).keys()
    assert any("webhook refused" in line for line in aftermath.logs["payment-app"])
    # A line of another form has gone round what takes secrets out.
    assert all(json.loads(line)["service"] for name in PROCESSES for line in aftermath.logs[name])
    assert all(aftermath.logs[name] for name in PROCESSES)
    assert sum('"level": "debug"' in line for line in everything) > 100
    record_property("evidence", f"{len(everything)} lines of {len(aftermath.logs)} processes")


def test_no_message_holds_a_secret(aftermath: Aftermath, record_property: Evidence) -> None:
    everything = [message for messages in aftermath.messages.values() for message in messages]

    assert found(aftermath.watch, aftermath.messages) == {}
    assert not any(SERVICE_TOKEN.search(text) or PASSWORD_HASH.search(text) for text in everything)
    assert found(aftermath.control, aftermath.messages).keys() >= {"invoice", "dead"}
    assert aftermath.messages.keys() >= {"invoice", "payment", "notification", "dead"}
    record_property("evidence", f"{len(everything)} messages, {len(aftermath.messages['dead'])} of them dead")


def test_answers_hold_only_the_secrets_that_they_are_to_give(aftermath: Aftermath, record_property: Evidence) -> None:
    answers = aftermath.recorder.answers

    assert aftermath.recorder.found(aftermath.watch) == GIVEN_ON_PURPOSE
    assert not any(SERVICE_TOKEN.search(answer.text) or PASSWORD_HASH.search(answer.text) for answer in answers)
    assert "GET /v1/invoices/{id}: body" in aftermath.recorder.found(aftermath.control)
    assert {answer.status_code for answer in answers} >= {200, 201, 303, 400, 401, 403, 404, 422, 503}
    record_property("evidence", f"{len(answers)} answers, {len(GIVEN_ON_PURPOSE)} places where a secret is given")


def test_a_secret_is_mailed_to_whom_it_is_for_and_in_no_other_mail(
    aftermath: Aftermath, record_property: Evidence
) -> None:
    holding = found(aftermath.watch, aftermath.mails)

    assert holding == {aftermath.invited: {"mailed secret"}}
    assert len(found(aftermath.control, aftermath.mails)) == 1
    record_property("evidence", f"mails to {len(aftermath.mails)} people, a secret in those to {len(holding)}")
