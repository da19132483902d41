"""Every sign that code has left the house is seen, and honest code beside it is not."""

from pathlib import PurePosixPath

import pytest

from deploy.checks.house_signs import signs_of

ACTION = "services/invoice-service/src/invoice_service/actions/invoices/send_invoice.py"
DOMAIN = "services/invoice-service/src/invoice_service/domain/rules.py"
TEST = "services/invoice-service/tests/unit/test_rules.py"
LONG_FUNCTION = "def long() -> None:\n" + "    print(1)\n" * 70

SIGNS = [
    (ACTION, "def f() -> None:\n    import json\n", "import inside f"),
    (ACTION, "async def f() -> None:\n    from json import loads\n", "import inside f"),
    (ACTION, LONG_FUNCTION, "71 lines"),
    (ACTION, "x = 1\n" * 401, "401 lines"),
    (ACTION, "await session.commit()\n", "commit()"),
    (ACTION, "await self._session.commit()\n", "commit()"),
    ("libs/service-kit/src/service_kit/idempotency.py", "await session.commit()\n", "commit()"),
    (ACTION, "import stripe\n", "outside its gateway"),
    (ACTION, "from stripe.error import StripeError\n", "outside its gateway"),
    (ACTION, "now = datetime.now(UTC)\n", "asks the time"),
    (ACTION, "now = datetime.datetime.utcnow()\n", "asks the time"),
    (ACTION, "today = date.today()\n", "asks the time"),
    ("deploy/demo/journey.py", "now = time.time()\n", "asks the time"),
    (ACTION, "x = 1  # see #123\n", "ticket number"),
    (ACTION, "# workaround for issue 42\n", "ticket number"),
    (ACTION, "# TODO: later\n", "open end"),
    (ACTION, "# FIXME\n", "open end"),
    ("services/invoice-service/src/invoice_service/__init__.py", "from invoice_service import app\n", "not empty"),
    ("services/invoice-service/src/invoice_service/utils.py", "x = 1\n", "tells a newcomer nothing"),
    ("libs/service-kit/src/service_kit/manager.py", "x = 1\n", "tells a newcomer nothing"),
    ("services/payment-service/tests/helpers.py", "x = 1\n", "tells a newcomer nothing"),
    (TEST, 'with patch("invoice_service.domain.rules.now"):\n    pass\n', "dotted string is patched"),
    (TEST, 'with mock.patch("a.b"):\n    pass\n', "dotted string is patched"),
    (TEST, 'monkeypatch.setattr("a.b", 1)\n', "dotted string is patched"),
    (DOMAIN, "import sqlalchemy\n", "the domain imports sqlalchemy"),
    (DOMAIN, "from service_kit.database import Database\n", "the domain imports service_kit.database"),
    (DOMAIN, "from invoice_service.tables import Invoice\n", "the domain imports invoice_service.tables"),
]

HONEST = [
    (ACTION, "import json\n\n\ndef f() -> None:\n    json.loads('{}')\n"),
    (ACTION, LONG_FUNCTION.replace("    print(1)\n", "", 1)),
    (ACTION, "x = 1\n" * 400),
    (ACTION, "now = clock.now()\nstarted = time.monotonic()\n"),
    (ACTION, "# EN 16931, BR-CO-15; the colour is #ffffff and RFC 9457 applies.\n"),
    (ACTION, "# TODO(ada): drop once broker 3.10 is gone, https://example.org/why\n"),
    (ACTION, 'text = "TODO and #12 inside a text"\n'),
    ("libs/service-kit/src/service_kit/database.py", "await session.commit()\n"),
    ("libs/service-kit/src/service_kit/outbox_relay.py", "await session.commit()\n"),
    ("libs/service-kit/src/service_kit/clock.py", "now = datetime.now(UTC)\n"),
    ("services/payment-service/src/payment_service/stripe_gateway.py", "import stripe\n"),
    ("libs/stripe-sandbox/tests/test_library.py", "import stripe\n"),
    ("services/invoice-service/src/invoice_service/__init__.py", ""),
    (TEST, LONG_FUNCTION),
    ("services/invoice-service/migrations/versions/0001_first.py", LONG_FUNCTION),
    (TEST, 'monkeypatch.setattr(gateway, "send", stand_in)\nmonkeypatch.setenv("IC_INSTANCE", "a.b")\n'),
    (DOMAIN, "import decimal\nfrom contracts.money import Money\nfrom service_kit.errors import DomainError\n"),
    (DOMAIN, "from invoice_service.domain.headline import Headline\n"),
]


@pytest.mark.parametrize(("path", "text", "what"), SIGNS)
def test_a_sign_is_seen_and_names_its_remedy(path: str, text: str, what: str) -> None:
    signs = signs_of(PurePosixPath(path), text)

    assert [what in sign.what for sign in signs] == [True], signs
    assert signs[0].remedy


@pytest.mark.parametrize(("path", "text"), HONEST)
def test_honest_code_is_left_alone(path: str, text: str) -> None:
    assert signs_of(PurePosixPath(path), text) == []


def test_a_sign_is_printed_as_a_place_that_an_editor_can_open() -> None:
    (sign,) = signs_of(PurePosixPath(ACTION), "x = 1\n\nimport stripe\n")

    assert str(sign).startswith(f"{ACTION}:3: ")
