"""What a described request may still be refused for: rules that a schema cannot say, each by the words of its refusal.

Loaded by schemathesis itself, in place of its check that takes any refusal of a described request for a fault.
"""

import json
import re
from typing import Any

import schemathesis

BEYOND_SCHEMAS = re.compile(
    r"cannot be printed|must not be blank|not a time zone|not a currency|not an IBAN|not a BIC|not an e-mail address"
    r"|not a country|Input should be a valid date|more digits than|invalid datetime|hour value|not a plain decimal"
    r"|holds? half of a surrogate"
)
READ_BUT_UNUSABLE = {"cursor-refused", "malformed-request"}


@schemathesis.check
def described_requests_are_understood(
    ctx: schemathesis.CheckContext, response: schemathesis.Response, case: "schemathesis.Case[Any]"
) -> None:
    """A request that fits the document is refused by a named rule of the product, or not at all."""
    if case.meta is None or not case.meta.generation.mode.is_positive:
        return
    if response.status_code not in (400, 415, 422):
        return
    refusal = json.loads(response.content)
    if refusal["code"] in READ_BUT_UNUSABLE or refusal["code"] != "invalid-request":
        return
    unexplained = [error for error in refusal["errors"] if not BEYOND_SCHEMAS.search(error["detail"])]
    if unexplained:
        raise AssertionError(f"fits the document and was refused: {unexplained[:3]}")
