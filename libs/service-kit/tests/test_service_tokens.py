"""A service token opens one audience for one known caller; a secret is replaced without a refused call."""

import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from joserfc import jws
from joserfc.jwk import OctKey, RSAKey
from pydantic import Field, ValidationError, model_validator
from service_kit.errors import Unauthenticated
from service_kit.identifiers import new_id
from service_kit.service_tokens import ServiceCaller, WeakSecret, sign, verify
from service_kit.settings import ServiceSettings, refuse_weak_token_secrets

SECRET = "a-shared-secret-of-enough-length-0123456789"
NEXT_SECRET = "the-next-secret-of-enough-length-0123456789"
NOW = datetime(2026, 11, 22, 12, 0, tzinfo=UTC)


def token(**changes: Any) -> str:
    settings: dict[str, Any] = {
        "secret": SECRET,
        "issuer": "invoice-service",
        "audience": "payment-service",
        "organization_id": new_id(),
        "actor": "key_1",
        "now": NOW,
        **changes,
    }
    return sign(**settings)


def caller_of(text: str, **changes: Any) -> ServiceCaller:
    settings: dict[str, Any] = {
        "secret": SECRET,
        "audience": "payment-service",
        "issuers": frozenset({"invoice-service"}),
        "now": NOW,
        **changes,
    }
    return verify(text, **settings)


def forged(header: dict[str, Any], key: OctKey | RSAKey, *, without: str = "", **claims: Any) -> str:
    """The header and claims of a token of ours as ``claims`` change them, signed another way."""
    ours = jws.extract_compact(token().encode())
    values = {name: value for name, value in {**ours.headers(), **header}.items() if name != without}
    payload = {
        "iss": "invoice-service",
        "aud": "payment-service",
        "org": str(new_id()),
        "act": "key_1",
        "iat": int(NOW.timestamp()),
        "exp": int(NOW.timestamp()) + 60,
        **claims,
    }
    return jws.serialize_compact(values, json.dumps(payload).encode(), key, algorithms=[values["alg"]])


def test_a_token_says_who_calls_for_which_organisation() -> None:
    organization_id = new_id()

    caller = caller_of(token(organization_id=organization_id))

    assert (caller.issuer, caller.organization_id, caller.actor) == ("invoice-service", organization_id, "key_1")


@pytest.mark.parametrize(
    ("text", "now"),
    [
        (token(audience="notification-service"), NOW),
        (token(issuer="notification-service"), NOW),
        (token(issuer=""), NOW),
        (token(), NOW + timedelta(seconds=66)),
        (token(), NOW - timedelta(seconds=6)),
        (token(secret=NEXT_SECRET), NOW),
        (token()[:-2], NOW),
        ("", NOW),
        ("not a token", NOW),
    ],
    ids=["audience", "issuer", "no issuer", "expired", "future", "other secret", "cut", "empty", "noise"],
)
def test_a_token_that_is_not_ours_for_us_and_alive_is_refused(text: str, now: datetime) -> None:
    with pytest.raises(Unauthenticated):
        caller_of(text, now=now)


def test_a_token_lives_a_minute_and_the_skew_of_two_clocks() -> None:
    text = token()

    assert caller_of(text, now=NOW + timedelta(seconds=64)).actor == "key_1"
    assert caller_of(text, now=NOW - timedelta(seconds=5)).actor == "key_1"


BROUGHT = OctKey.import_key(b"a-key-that-the-forger-brings-along-0123456789")
BROUGHT_PAIR = RSAKey.generate_key(2048)

FORGED = {
    "another algorithm of the same key": lambda key: forged({"alg": "HS512"}, key),
    "a public-key algorithm": lambda key: forged({"alg": "RS256"}, RSAKey.generate_key(2048)),
    "no key id": lambda key: forged({"kid": ""}, key),
    "an unknown key id": lambda key: forged({"kid": "00000000"}, key),
    "a key id that is a list": lambda key: forged({"kid": "0"}, key),
    "a day of life": lambda key: forged({}, key, iat=int(NOW.timestamp()) - 600, exp=int(NOW.timestamp()) + 86_400),
    "several audiences": lambda key: forged({}, key, aud=["payment-service", "invoice-service"]),
    "several issuers": lambda key: forged({}, key, iss=["invoice-service"]),
    "no expiry": lambda key: forged({}, key, exp=None),
    "the type of another token": lambda key: forged({"typ": "JWT"}, key),
    "an empty type": lambda key: forged({"typ": ""}, key),
    "a longer type": lambda key: forged({"typ": "ic-service+jwt; v=2"}, key),
    "a type in other letters": lambda key: forged({"typ": "IC-Service+JWT"}, key),
}


WITH_A_KEY_OF_THEIR_OWN = {
    "jwk": lambda: forged({"jwk": BROUGHT.as_dict()}, BROUGHT),
    "jwk of a public key": lambda: forged({"alg": "RS256", "jwk": BROUGHT_PAIR.as_dict(private=False)}, BROUGHT_PAIR),
    "jku": lambda: forged({"jku": "https://keys.example.com/jwks.json"}, BROUGHT),
    "x5u": lambda: forged({"x5u": "https://keys.example.com/chain.pem"}, BROUGHT),
    "x5c": lambda: forged({"x5c": ["MIIB"]}, BROUGHT),
    "a key id that is a path": lambda: forged({"kid": "../../dev/null"}, BROUGHT),
    "a key id that is a query": lambda: forged({"kid": "' or 1=1 --"}, BROUGHT),
    "the key id of ours": lambda: forged({}, BROUGHT),
}


@pytest.mark.parametrize("way", WITH_A_KEY_OF_THEIR_OWN)
def test_no_header_brings_the_key_that_a_token_is_checked_with(way: str) -> None:
    text = WITH_A_KEY_OF_THEIR_OWN[way]()

    with pytest.raises(Unauthenticated):
        caller_of(text)


def test_a_token_without_a_type_is_refused() -> None:
    with pytest.raises(Unauthenticated):
        caller_of(forged({}, OctKey.import_key(SECRET.encode()), without="typ"))


@pytest.mark.parametrize("way", FORGED)
def test_what_knows_the_secret_but_breaks_the_form_is_refused(way: str) -> None:
    text = FORGED[way](OctKey.import_key(SECRET.encode()))

    with pytest.raises(Unauthenticated):
        caller_of(text)


def test_the_forger_of_these_tests_can_make_a_token_that_is_accepted() -> None:
    assert caller_of(forged({}, OctKey.import_key(SECRET.encode()))).actor == "key_1"


def test_a_token_without_a_signature_is_refused() -> None:
    _, claims, signature = token().split(".")
    none = "eyJhbGciOiJub25lIn0"

    for text in (f"{none}.{claims}.", f"{none}.{claims}.{signature}", f"{none}.{claims}"):
        with pytest.raises(Unauthenticated):
            caller_of(text)


def test_a_secret_is_replaced_without_a_refused_call() -> None:
    before, after = token(secret=SECRET), token(secret=f"{NEXT_SECRET}, {SECRET}")

    for listed in (f"{SECRET},{NEXT_SECRET}", f"{NEXT_SECRET},{SECRET}"):
        assert caller_of(before, secret=listed).actor == "key_1"
        assert caller_of(after, secret=listed).actor == "key_1"
    assert caller_of(after, secret=NEXT_SECRET).actor == "key_1"
    with pytest.raises(Unauthenticated):
        caller_of(before, secret=NEXT_SECRET)


def test_a_token_names_its_secret_without_giving_it_away() -> None:
    first, second = (
        jws.extract_compact(token(secret=each).encode()).headers()["kid"] for each in (SECRET, NEXT_SECRET)
    )

    assert first != second
    assert len(first) == len(second) == 8


@pytest.mark.parametrize("listed", ["", " ", "short", f"{SECRET},", f",{SECRET}", f"{SECRET},short", " " * 40])
def test_a_blank_or_short_secret_neither_signs_nor_verifies(listed: str) -> None:
    text = token()

    with pytest.raises(WeakSecret) as unsigned:
        token(secret=listed)
    with pytest.raises(WeakSecret):
        caller_of(text, secret=listed)
    assert SECRET not in str(unsigned.value)


class TwoAudiences(ServiceSettings):
    other_token_secret: str = Field(default="", repr=False)

    @model_validator(mode="after")
    def _refuse(self) -> "TwoAudiences":
        refuse_weak_token_secrets(self, "service_token_secret", "other_token_secret")
        return self


@pytest.mark.parametrize("value", [" ", "weak-canary", f"{SECRET},weak-canary", f"{SECRET},"])
def test_a_weak_secret_is_refused_at_the_start_by_the_name_of_its_variable(
    value: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("IC_OTHER_TOKEN_SECRET", value)

    with pytest.raises(ValidationError, match=r"IC_OTHER_TOKEN_SECRET: .*at least 32") as refusal:
        TwoAudiences()

    assert "weak-canary" not in str(refusal.value)
    assert SECRET not in str(refusal.value)


def test_two_audiences_with_one_secret_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("IC_SERVICE_TOKEN_SECRET", f"{NEXT_SECRET},{SECRET}")
    monkeypatch.setenv("IC_OTHER_TOKEN_SECRET", SECRET)

    with pytest.raises(ValidationError, match="IC_OTHER_TOKEN_SECRET holds a secret of another audience") as refusal:
        TwoAudiences()

    assert SECRET not in str(refusal.value)
