"""The bytes that are mailed: for services with a token, of the token's organisation only, with their digest."""

import base64
import hashlib
from datetime import timedelta
from typing import Any

import httpx
from contracts.catalogue import Service
from contracts.events.invoice import InvoiceSent
from contracts.ids import format_id
from invoice_tests.driver import Driver
from invoice_tests.make import SERVICE_SECRET, Account
from invoice_tests.scenes import sent_by_hand
from service_kit.clock import SystemClock
from service_kit.identifiers import new_id
from service_kit.service_tokens import sign


def token(account: Account, **overrides: Any) -> dict[str, str]:
    values: dict[str, Any] = {
        "secret": SERVICE_SECRET,
        "issuer": Service.NOTIFICATION.value,
        "audience": Service.INVOICE.value,
        "organization_id": account.organization_id,
        "actor": "mail",
        "now": SystemClock().now(),
    }
    return {"authorization": f"Bearer {sign(**{**values, **overrides})}"}


async def test_the_bytes_come_with_their_digest(
    account: Account, driver: Driver, private_http: httpx.AsyncClient
) -> None:
    invoice = await sent_by_hand(account, driver)
    [sent] = await driver.said(InvoiceSent, invoice.id)
    file = sent["files"][0]

    answer = await private_http.get(
        f"/internal/documents/{format_id('doc', file['document_id'])}", headers=token(account)
    )

    digest = hashlib.sha256(answer.content)
    assert (answer.status_code, answer.headers["content-type"]) == (200, "application/pdf")
    assert digest.hexdigest() == file["sha256"]
    assert len(answer.content) == file["size_bytes"]
    assert answer.headers["repr-digest"] == f"sha-256=:{base64.b64encode(digest.digest()).decode()}:"


async def test_without_a_good_token_or_for_another_organisation_there_is_nothing(
    new_account: Any, driver: Driver, private_http: httpx.AsyncClient, public_http: httpx.AsyncClient
) -> None:
    owner, stranger = await new_account(), await new_account()
    invoice = await sent_by_hand(owner, driver)
    [sent] = await driver.said(InvoiceSent, invoice.id)
    path = f"/internal/documents/{format_id('doc', sent['files'][0]['document_id'])}"
    yesterday = SystemClock().now() - timedelta(days=1)

    refused = [
        await private_http.get(path),
        await private_http.get(path, headers={"authorization": f"Bearer {owner.key}"}),
        await private_http.get(path, headers=token(owner, secret="x" * 40)),
        await private_http.get(path, headers=token(owner, audience=Service.PAYMENT.value)),
        await private_http.get(path, headers=token(owner, issuer=Service.PAYMENT.value)),
        await private_http.get(path, headers=token(owner, now=yesterday)),
    ]
    foreign = await private_http.get(path, headers=token(stranger))
    unknown = await private_http.get(f"/internal/documents/{format_id('doc', new_id())}", headers=token(owner))
    public = await public_http.get(path, headers=token(owner))

    assert [answer.status_code for answer in refused] == [401] * 6
    assert [answer.status_code for answer in (foreign, unknown, public)] == [404] * 3
