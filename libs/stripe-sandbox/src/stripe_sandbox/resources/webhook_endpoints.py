"""Webhook endpoints: where events go. The signing secret is shown once, in the answer to the create call.

Sources: https://docs.stripe.com/api/webhook_endpoints (secret only at creation, `api_version` fixed then), and the
limit of 16 endpoints per account that https://docs.stripe.com/webhooks gives for a mode.
"""

from stripe_sandbox.ids import new_id, random_text
from stripe_sandbox.refusals import Refusal, invalid, unsupported
from stripe_sandbox.resources.listing import found, page
from stripe_sandbox.resources.payment_links import merged_metadata
from stripe_sandbox.sandbox import Call, Json, Sandbox
from stripe_sandbox.store import Record

KIND = "webhook_endpoint"
ENDPOINTS_MAX = 16


def create(sandbox: Sandbox, call: Call) -> Json:
    params = call.params
    if params.get("connect"):
        raise unsupported("connect")
    if len(sandbox.store.select(kind=KIND, account=call.account)) >= ENDPOINTS_MAX:
        raise Refusal(status=400, message=f"An account may have at most {ENDPOINTS_MAX} webhook endpoints.")
    version = params.get("api_version")
    if version not in (None, sandbox.subset.version):
        message = f"The sandbox makes events of {sandbox.subset.version} only; leave api_version out or give that one"
        raise invalid(message, param="api_version")
    secret = f"whsec_{random_text(32)}"
    body = {
        "id": new_id("we_1"),
        "api_version": version,
        "description": params.get("description") or None,
        "enabled_events": _checked_events(params["enabled_events"]),
        "livemode": False,
        "metadata": params.get("metadata") or {},
        "status": "enabled",
        "url": _checked_url(params["url"]),
    }
    endpoint = sandbox.add(KIND, body, account=call.account, private={"secret": secret})
    return {**endpoint.body, "secret": secret}


def _checked_events(events: list[str]) -> list[str]:
    if not events or ("*" in events and len(events) > 1):
        raise invalid("Name at least one event type, or * alone.", param="enabled_events")
    return events


def _checked_url(url: str) -> str:
    if not url.startswith(("http://", "https://")) or len(url) < len("http://x"):
        raise invalid("Invalid URL: it must start with https:// or http://", param="url", code="url_invalid")
    return url


def _found(sandbox: Sandbox, call: Call) -> Record:
    endpoint_id = call.path["webhook_endpoint"]
    return found(sandbox, kind=KIND, account=call.account, object_id=endpoint_id, param="webhook_endpoint")


def retrieve(sandbox: Sandbox, call: Call) -> Json:
    return _found(sandbox, call).body


def list_all(sandbox: Sandbox, call: Call) -> Json:
    return page(sandbox, call, kind=KIND, url="/v1/webhook_endpoints")


def update(sandbox: Sandbox, call: Call) -> Json:
    endpoint = _found(sandbox, call)
    params = call.params
    fields: Json = {}
    if "description" in params:
        fields["description"] = params["description"] or None
    if "disabled" in params:
        fields["status"] = "disabled" if params["disabled"] else "enabled"
    if "enabled_events" in params:
        fields["enabled_events"] = _checked_events(params["enabled_events"])
    if "metadata" in params:
        fields["metadata"] = merged_metadata(endpoint.body["metadata"], params["metadata"])
    if "url" in params:
        fields["url"] = _checked_url(params["url"])
    sandbox.change(endpoint, **fields)
    return endpoint.body


def delete(sandbox: Sandbox, call: Call) -> Json:
    endpoint = _found(sandbox, call)
    sandbox.store.remove(endpoint)
    return {"id": endpoint.id, "object": KIND, "deleted": True}
