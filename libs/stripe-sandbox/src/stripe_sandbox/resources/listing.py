"""Lists with Stripe's cursors (https://docs.stripe.com/api/pagination), and single objects by id, for every kind."""

from typing import Any

from stripe_sandbox.refusals import invalid, no_such
from stripe_sandbox.sandbox import Call, Json, Sandbox
from stripe_sandbox.store import Record

LIMIT_MAX = 100
LIMIT_DEFAULT = 10
NOUNS = {
    "account": "account",
    "balance_transaction": "balance transaction",
    "charge": "charge",
    "checkout.session": "checkout.session",
    "event": "event",
    "payment_intent": "payment_intent",
    "payment_link": "payment link",
    "webhook_endpoint": "webhook endpoint",
}
COMPARISONS = {"gt": ">", "gte": ">=", "lt": "<", "lte": "<="}


def found(sandbox: Sandbox, *, kind: str, account: str, object_id: str, param: str, status: int = 404) -> Record:
    record = sandbox.store.find(object_id, account=account, kind=kind)
    if record is None:
        raise no_such(NOUNS.get(kind, kind), object_id, param=param, status=status)
    return record


def created_filter(value: Any) -> tuple[list[str], list[Any]]:
    """`created` is either a second or an object of bounds."""
    if value is None:
        return [], []
    if isinstance(value, int):
        return ["created = ?"], [value]
    bounds = [(f"created {COMPARISONS[name]} ?", bound) for name, bound in value.items()]
    return [sql for sql, _ in bounds], [bound for _, bound in bounds]


def page(
    sandbox: Sandbox,
    call: Call,
    *,
    kind: str,
    url: str,
    where: list[str] | None = None,
    values: list[Any] | None = None,
) -> Json:
    """Newest first. `where` holds fragments of ours; what a caller sent is only ever a bound value."""
    params = call.params
    limit = params.get("limit", LIMIT_DEFAULT)
    if not 1 <= limit <= LIMIT_MAX:
        raise invalid(f"limit must be 1 to {LIMIT_MAX}, it is {limit}", param="limit", code="parameter_invalid_integer")
    clauses, bound = created_filter(params.get("created"))
    clauses, bound = [*clauses, *(where or [])], [*bound, *(values or [])]
    backwards = "ending_before" in params
    if backwards and "starting_after" in params:
        message = "You may only specify one of these parameters: ending_before, starting_after."
        raise invalid(message, param="ending_before", code="parameters_exclusive")
    for name, comparison in (("starting_after", "<"), ("ending_before", ">")):
        if name in params:
            found(sandbox, kind=kind, account=call.account, object_id=params[name], param=name, status=400)
            clauses.append(f"seq {comparison} ?")
            bound.append(sandbox.store.position(params[name]))
    order = f"ORDER BY seq {'ASC' if backwards else 'DESC'} LIMIT {limit + 1}"
    records = sandbox.store.select(
        kind=kind, account=call.account, where=" AND ".join(clauses) or "1", values=tuple(bound), tail=order
    )
    data = [record.body for record in records[:limit]]
    return as_list(data[::-1] if backwards else data, url=url, has_more=len(records) > limit)


def as_list(data: list[Json], *, url: str, has_more: bool = False) -> Json:
    return {"object": "list", "data": data, "has_more": has_more, "url": url}


def equals(params: Json, *names: str) -> tuple[list[str], list[Any]]:
    """Filters whose parameter has the name of the field it compares."""
    chosen = [name for name in names if name in params]
    clauses = [f"json_extract(body, '$.{name}') = ?" for name in chosen]
    return clauses, [int(params[name]) if isinstance(params[name], bool) else params[name] for name in chosen]


def items_page(call: Call, items: list[Json], *, url: str) -> Json:
    """Line items of one object: few and unchanging, so the cursor walks a plain list."""
    limit = call.params.get("limit", LIMIT_DEFAULT)
    if not 1 <= limit <= LIMIT_MAX:
        raise invalid(f"limit must be 1 to {LIMIT_MAX}, it is {limit}", param="limit", code="parameter_invalid_integer")
    after = call.params.get("starting_after")
    start = next((place + 1 for place, item in enumerate(items) if item["id"] == after), None) if after else 0
    if start is None:
        raise no_such("line item", str(after), param="starting_after", status=400)
    return as_list(items[start : start + limit], url=url, has_more=start + limit < len(items))
