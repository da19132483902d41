"""Every error the sandbox answers with, as one exception type in Stripe's shape.

Status, `type` and `code` follow https://docs.stripe.com/api/errors and https://docs.stripe.com/error-codes; the
messages are the sandbox's own words, so match on `code` and never on a text.
"""

from typing import Any


class Refusal(Exception):
    """An answer that is not 2xx. `saved` says whether it is kept under the request's idempotency key."""

    def __init__(
        self,
        *,
        status: int,
        message: str,
        kind: str = "invalid_request_error",
        code: str | None = None,
        param: str | None = None,
        saved: bool = False,
        **more: Any,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.saved = saved
        fields = {"code": code, "message": message, "param": param, "type": kind, **more}
        self.error = {name: value for name, value in fields.items() if value is not None}

    def body(self) -> dict[str, Any]:
        return {"error": self.error}


def invalid(message: str, *, param: str | None = None, code: str | None = None) -> Refusal:
    return Refusal(status=400, message=message, param=param, code=code)


def unsupported(name: str) -> Refusal:
    message = f"{name}: Stripe knows this parameter, the sandbox does not act on it, so it refuses rather than pretends"
    return Refusal(status=400, message=message, param=name, code="sandbox_unsupported")


def missing_parameter(name: str) -> Refusal:
    return invalid(f"Missing required param: {name}.", param=name, code="parameter_missing")


def unknown_parameter(name: str) -> Refusal:
    return invalid(f"Received unknown parameter: {name}", param=name, code="parameter_unknown")


def no_such(noun: str, object_id: str, *, param: str, status: int = 404) -> Refusal:
    """404 for an object named in the path, 400 for one named in a parameter."""
    return Refusal(status=status, message=f"No such {noun}: '{object_id}'", param=param, code="resource_missing")


def unknown_url(method: str, path: str) -> Refusal:
    return Refusal(status=404, message=f"Unrecognized request URL ({method}: {path}). The sandbox does not serve it.")


def key_missing() -> Refusal:
    message = "You did not provide an API key. Send it as `Authorization: Bearer sk_test_…` or as the basic-auth user."
    return Refusal(status=401, message=message)


def masked(key: str) -> str:
    """Enough of a key to recognise it, as Stripe's own messages show it."""
    return f"{key[:8]}{'*' * max(4, len(key) - 12)}{key[-4:]}" if len(key) > 16 else "****"


def key_unknown(key: str) -> Refusal:
    return Refusal(status=401, message=f"Invalid API Key provided: {masked(key)}")


def key_live() -> Refusal:
    message = "This is a sandbox, and the key looks like a live one. It was not stored. Use a key with _test_ in it."
    return Refusal(status=401, message=message)


def key_expired(key: str) -> Refusal:
    return Refusal(status=401, message=f"Expired API Key provided: {masked(key)}", code="api_key_expired")


def permission_missing(key: str, account: str, permission: str) -> Refusal:
    message = (
        f"The provided key '{masked(key)}' does not have the required permissions for this endpoint on account "
        f"'{account}'. Having the '{permission}' permission would allow this request to continue."
    )
    return Refusal(status=403, message=message)


def account_refused(key: str, account: str) -> Refusal:
    message = f"The provided key '{masked(key)}' does not have access to account '{account}', or it does not exist."
    return Refusal(status=403, message=message, code="account_invalid")


def key_reused_with_other_params(key: str) -> Refusal:
    message = (
        "Keys for idempotent requests can only be used with the same parameters they were first used with. "
        f"Try a key other than '{key}' for different parameters."
    )
    return Refusal(status=400, message=message, kind="idempotency_error")


def key_in_flight(key: str) -> Refusal:
    message = f"Another request with the idempotency key '{key}' is still running. Try again when it has ended."
    return Refusal(status=409, message=message, kind="idempotency_error", code="idempotency_key_in_use")


def rate_limited() -> Refusal:
    return Refusal(status=429, message="Too many requests hit the API too quickly.", code="rate_limit")


def server_error(message: str, *, status: int = 500) -> Refusal:
    return Refusal(status=status, message=message, kind="api_error")
