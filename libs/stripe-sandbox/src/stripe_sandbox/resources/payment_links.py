"""Payment links: made with inline prices, changed only as Stripe lets them be, and inactive once their limit is met.

Sources: stripe-python's `PaymentLink` and its create and update parameters; limits and inactive messages from
https://docs.stripe.com/payment-links/customize; amounts cannot be changed afterwards, only quantities.
"""

from typing import Any

from stripe_sandbox.currencies import check_total
from stripe_sandbox.events import BY_ITSELF, emit
from stripe_sandbox.ids import new_id
from stripe_sandbox.refusals import invalid, no_such
from stripe_sandbox.resources.line_items import price_items, priced, refuse_unsupported, total_of
from stripe_sandbox.resources.listing import equals, found, items_page, page
from stripe_sandbox.sandbox import Call, Cause, Json, Sandbox
from stripe_sandbox.store import Record

ECHOED = frozenset(
    {"billing_address_collection", "customer_creation", "metadata", "payment_method_types", "submit_type"}
)
SUPPORTED = ECHOED | {
    "after_completion",
    "currency",
    "expand",
    "inactive_message",
    "line_items",
    "payment_intent_data",
    "restrictions",
}
SUPPORTED_ON_UPDATE = (SUPPORTED - {"currency", "line_items"}) | {"active", "line_items"}
INTENT_DATA = frozenset({"description", "metadata", "statement_descriptor", "statement_descriptor_suffix"})
INACTIVE_MESSAGE_CHARACTERS_MAX = 500


def create(sandbox: Sandbox, call: Call) -> Json:
    params = call.params
    refuse_unsupported(params, SUPPORTED)
    items = price_items(sandbox, account=call.account, sent=params["line_items"], currency=params.get("currency"))
    link_id = new_id("plink_1")
    body = {
        "id": link_id,
        "active": True,
        "after_completion": {"type": "hosted_confirmation", "hosted_confirmation": {"custom_message": None}},
        "allow_promotion_codes": False,
        "automatic_tax": {"enabled": False},
        "billing_address_collection": "auto",
        "currency": items[0]["currency"],
        "custom_fields": [],
        "custom_text": {},
        "customer_creation": "if_required",
        "livemode": False,
        "metadata": {},
        "payment_method_collection": "always",
        "phone_number_collection": {"enabled": False},
        "shipping_options": [],
        "submit_type": "auto",
        "tax_id_collection": {"enabled": False, "required": "never"},
        "url": f"{sandbox.settings.public_url}/pay/{link_id}",
    }
    fields = {**body, **_changes(params)}
    link = sandbox.add("payment_link", fields, account=call.account, private={"line_items": items})
    emit(sandbox, event_type="payment_link.created", record=link, cause=call.cause)
    return link.body


def _changes(params: Json) -> Json:
    """The fields a create or an update sets, in the form the object shows them."""
    fields: dict[str, Any] = {name: params[name] for name in ECHOED if name in params}
    if "after_completion" in params:
        fields["after_completion"] = _after_completion(params["after_completion"])
    if "inactive_message" in params:
        fields["inactive_message"] = params["inactive_message"] or None
        if len(params["inactive_message"]) > INACTIVE_MESSAGE_CHARACTERS_MAX:
            limit = INACTIVE_MESSAGE_CHARACTERS_MAX
            raise invalid(f"inactive_message takes at most {limit} characters", param="inactive_message")
    if "payment_intent_data" in params:
        refuse_unsupported(params["payment_intent_data"], INTENT_DATA, param="payment_intent_data")
        fields["payment_intent_data"] = {"metadata": {}, **params["payment_intent_data"]}
    if "restrictions" in params:
        fields["restrictions"] = _restrictions(params["restrictions"]) if params["restrictions"] else None
    return fields


def _after_completion(sent: Json) -> Json:
    if sent["type"] == "redirect":
        url = sent.get("redirect", {}).get("url", "")
        if not url.startswith(("http://", "https://")):
            here = "after_completion[redirect][url]"
            raise invalid("A redirect needs a url that starts with https:// or http://", param=here, code="url_invalid")
        return {"type": "redirect", "redirect": {"url": url}, "hosted_confirmation": None}
    message = sent.get("hosted_confirmation", {}).get("custom_message")
    return {"type": "hosted_confirmation", "hosted_confirmation": {"custom_message": message}, "redirect": None}


def _restrictions(sent: Json) -> Json:
    limit = sent["completed_sessions"]["limit"]
    if limit < 1:
        here = "restrictions[completed_sessions][limit]"
        raise invalid("limit must be at least 1", param=here, code="parameter_invalid_integer")
    return {"completed_sessions": {"count": 0, "limit": limit}}


def retrieve(sandbox: Sandbox, call: Call) -> Json:
    return _found(sandbox, call).body


def _found(sandbox: Sandbox, call: Call) -> Record:
    link_id = call.path["payment_link"]
    return found(sandbox, kind="payment_link", account=call.account, object_id=link_id, param="payment_link")


def list_all(sandbox: Sandbox, call: Call) -> Json:
    where, values = equals(call.params, "active")
    return page(sandbox, call, kind="payment_link", url="/v1/payment_links", where=where, values=values)


def line_items(sandbox: Sandbox, call: Call) -> Json:
    link = _found(sandbox, call)
    return items_page(call, link.private["line_items"], url=f"/v1/payment_links/{link.id}/line_items")


def update(sandbox: Sandbox, call: Call) -> Json:
    params = call.params
    refuse_unsupported(params, SUPPORTED_ON_UPDATE)
    link = _found(sandbox, call)
    fields = _changes({name: value for name, value in params.items() if name != "metadata"})
    if "active" in params:
        fields["active"] = params["active"]
    if "metadata" in params:
        fields["metadata"] = merged_metadata(link.body["metadata"], params["metadata"])
    if fields.get("restrictions") and link.body["restrictions"]:
        count = link.body["restrictions"]["completed_sessions"]["count"]
        fields["restrictions"]["completed_sessions"]["count"] = count
    if "line_items" in params:
        link.private["line_items"] = _requantified(sandbox, link, params["line_items"])
        sandbox.store.save(link)
    change(sandbox, link, cause=call.cause, **fields)
    return link.body


def change(sandbox: Sandbox, link: Record, *, cause: Cause = BY_ITSELF, **fields: Any) -> None:
    before = sandbox.change(link, **fields)
    if before:
        emit(sandbox, event_type="payment_link.updated", record=link, previous=before, cause=cause)


def merged_metadata(current: Json, sent: Json | str) -> Json:
    """https://docs.stripe.com/metadata: keys are merged, an empty value removes its key, an empty whole removes all."""
    if isinstance(sent, str):
        return {}
    return {key: value for key, value in {**current, **sent}.items() if value != ""}


def _requantified(sandbox: Sandbox, link: Record, sent: list[Json]) -> list[Json]:
    items: list[Json] = link.private["line_items"]
    by_id: dict[str, Json] = {item["id"]: item for item in items}
    for place, change_sent in enumerate(sent):
        here = f"line_items[{place}]"
        refuse_unsupported(change_sent, frozenset({"id", "quantity"}), param=here)
        if change_sent["id"] not in by_id:
            raise no_such("line item", change_sent["id"], param=f"{here}[id]", status=400)
        old = by_id[change_sent["id"]]
        quantity: int = {**old, **change_sent}["quantity"]
        new = priced(sandbox, price=old["price"], description=old["description"], quantity=quantity, param=here)
        by_id[old["id"]] = {**new, "id": old["id"]}
    check_total(total_of(list(by_id.values())), link.body["currency"], param="line_items")
    return list(by_id.values())


def count_completed(sandbox: Sandbox, link: Record) -> None:
    """A complete session counts, whatever its payment does later; at the limit the link goes inactive by itself.

    Whether Stripe enforces the limit when two open sessions finish together is not documented. The sandbox takes the
    worse case: both are paid.
    """
    restrictions = link.body["restrictions"]
    if not restrictions:
        return
    limit = restrictions["completed_sessions"]["limit"]
    count = restrictions["completed_sessions"]["count"] + 1
    fields: Json = {"restrictions": {"completed_sessions": {"count": count, "limit": limit}}}
    if count >= limit:
        fields["active"] = False
    change(sandbox, link, **fields)
