"""Every operation of the API once, each with what must be there before it succeeds.

The walks over the OpenAPI document take their requests from here, so an operation without a row fails them all.
"""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import httpx
from invoice_service.domain.permissions import Role
from invoice_tests.driver import Driver
from invoice_tests.make import Account, Json, customer_body, dependencies, draft_body, line_body
from invoice_tests.people import person
from invoice_tests.scenes import issued, ordered_by_stripe, sent_by_hand

INVITATION = {"email": "ben@nordlicht.example.com", "role": "accountant", "language": "de"}
FIRST_VERSION = {"If-Match": '"1"'}


@dataclass(frozen=True)
class Call:
    """A request that succeeds for the organisation that ``target`` belongs to."""

    target: Mapping[str, str] = field(default_factory=dict)
    body: Json | None = None
    query: Mapping[str, str] = field(default_factory=dict)
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True)
class Operation:
    """One operation of the document: ``path`` as it stands there."""

    name: str
    method: str
    path: str

    async def send(self, account: Account, call: Call) -> httpx.Response:
        return await account.http.request(
            self.method,
            self.path.format(**call.target),
            json=call.body,
            params=dict(call.query),
            headers={"Authorization": f"Bearer {account.key}", **call.headers},
        )


@dataclass(frozen=True)
class Stage:
    """An organisation, and the other services played for it."""

    account: Account
    driver: Driver


Prepare = Callable[[Stage], Awaitable[Call]]


def operations_of(document: Mapping[str, Any]) -> dict[str, Operation]:
    """By operation id."""
    return {
        operation["operationId"]: Operation(operation["operationId"], method.upper(), path)
        for path, methods in document["paths"].items()
        for method, operation in methods.items()
    }


async def _nothing(_: Stage) -> Call:
    return Call()


async def _a_customer_there(stage: Stage) -> Call:
    await stage.account.customer()
    return Call(query={"limit": "10"})


async def _an_invoice_there(stage: Stage) -> Call:
    await stage.account.draft()
    return Call(query={"limit": "10", "status": "draft"})


def _of_a_customer(**call: Any) -> Prepare:
    async def prepare(stage: Stage) -> Call:
        return Call(target={"customer_id": (await stage.account.customer())["id"]}, **call)

    return prepare


def _of_a_draft(**call: Any) -> Prepare:
    async def prepare(stage: Stage) -> Call:
        return Call(target={"invoice_id": (await stage.account.draft())["id"]}, **call)

    return prepare


def _of_a_sent_invoice(**call: Any) -> Prepare:
    async def prepare(stage: Stage) -> Call:
        invoice = await sent_by_hand(stage.account, stage.driver)
        return Call(target={"invoice_id": invoice.path.rsplit("/", 1)[1]}, **call)

    return prepare


def _of_an_invoice_whose_link_failed(**call: Any) -> Prepare:
    async def prepare(stage: Stage) -> Call:
        invoice = await ordered_by_stripe(stage.account, stage.driver)
        await stage.driver.hear(invoice.link_failed())
        return Call(target={"invoice_id": invoice.path.rsplit("/", 1)[1]}, **call)

    return prepare


async def _new_draft(stage: Stage) -> Call:
    customer = await stage.account.customer()
    return Call(body=draft_body(customer_id=customer["id"], notes="Thank you for your trust."))


async def _a_template(stage: Stage) -> Call:
    return Call(target={"template_id": (await stage.account.get("/v1/templates"))["data"][0]["id"]})


async def _a_recorded_payment(stage: Stage) -> Call:
    invoice = await issued(stage.account, stage.driver)
    paid = await stage.account.post(f"{invoice.path}/payments", {"amount_minor": 10_000})
    return Call(
        target={"invoice_id": invoice.path.rsplit("/", 1)[1], "payment_id": paid["id"]},
        body={"note": "Booked on the wrong invoice"},
    )


def _of_a_member(**call: Any) -> Prepare:
    async def prepare(stage: Stage) -> Call:
        member = await person(
            dependencies(stage.account.database),
            stage.account.http,
            memberships={stage.account.organization_id: Role.ACCOUNTANT},
            email="anna@nordlicht.example.com",
        )
        return Call(target={"user_id": member.id}, **call)

    return prepare


def _of_an_invitation(**call: Any) -> Prepare:
    async def prepare(stage: Stage) -> Call:
        made = await stage.account.post("/v1/invitations", INVITATION)
        return Call(target={"invitation_id": made["id"]}, **call)

    return prepare


async def _a_member_there(stage: Stage) -> Call:
    await _of_a_member()(stage)
    return Call(query={"limit": "10"})


async def _an_invitation_there(stage: Stage) -> Call:
    await stage.account.post("/v1/invitations", INVITATION)
    return Call()


def _of_an_api_key(**call: Any) -> Prepare:
    async def prepare(stage: Stage) -> Call:
        made = await stage.account.post("/v1/api-keys", {"name": "Shop", "scopes": ["read"]})
        return Call(target={"api_key_id": made["id"]}, **call)

    return prepare


CALLS: dict[str, Prepare] = {
    "list_customers": _a_customer_there,
    "create_customer": lambda stage: _call(Call(body=customer_body(notes="Prefers mail before noon."))),
    "get_customer": _of_a_customer(),
    "edit_customer": _of_a_customer(body={"notes": "Pays by bank transfer."}, headers=FIRST_VERSION),
    "archive_customer": _of_a_customer(),
    "list_templates": _nothing,
    "create_template": lambda stage: _call(
        Call(body={"name": "Design sprint", "title": "Design sprint", "currency": "EUR", "lines": [line_body()]})
    ),
    "get_template": _a_template,
    "get_organization": _nothing,
    "edit_organization": lambda stage: _call(
        Call(body={"payment_terms_days": 30, "invoice_prefix": "NL"}, headers=FIRST_VERSION)
    ),
    "get_stripe_settings": _nothing,
    "list_invoices": _an_invoice_there,
    "create_draft": _new_draft,
    "get_invoice": _of_a_draft(),
    "edit_draft": _of_a_draft(body={"title": "Work in December"}, headers=FIRST_VERSION),
    "delete_draft": _of_a_draft(headers=FIRST_VERSION),
    "get_invoice_pdf": _of_a_sent_invoice(),
    "send_invoice": _of_a_draft(body={"method": "manual", "message": "Here is November."}),
    "resend_invoice": _of_a_sent_invoice(body={"to": ["boss@acme.example.com"], "message": "As you asked."}),
    "retry_link": _of_an_invoice_whose_link_failed(),
    "send_manually": _of_an_invoice_whose_link_failed(),
    "void_invoice": _of_a_sent_invoice(body={"reason": "Wrong customer"}),
    "record_payment": _of_a_sent_invoice(body={"amount_minor": 10_000, "reference": "Wire 4711"}),
    "reverse_payment": _a_recorded_payment,
    "list_members": _a_member_there,
    "get_member": _of_a_member(),
    "change_role": _of_a_member(body={"role": "owner"}, headers=FIRST_VERSION),
    "remove_member": _of_a_member(),
    "list_invitations": _an_invitation_there,
    "create_invitation": lambda stage: _call(Call(body=INVITATION)),
    "resend_invitation": _of_an_invitation(),
    "revoke_invitation": _of_an_invitation(),
    "list_api_keys": _nothing,
    "create_api_key": lambda stage: _call(Call(body={"name": "Shop", "scopes": ["read", "write"]})),
    "roll_api_key": _of_an_api_key(body={"overlap_seconds": 3600}),
    "revoke_api_key": _of_an_api_key(),
    "list_audit_log": _a_customer_there,
    "export_invoices": lambda stage: _call(Call(query={"status": "draft"})),
    "export_customers": _nothing,
    "export_payments": _nothing,
    "export_audit_log": _nothing,
}


async def _call(call: Call) -> Call:
    return call
