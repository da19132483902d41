"""Bad requests get a clear answer that names the field, change nothing, and repeat nothing of what was sent."""

from typing import Any

import pytest
from invoice_tests.make import Account, draft_body, line_body

BAD_LINES: dict[str, tuple[dict[str, Any], str]] = {
    "negative quantity": ({"quantity": "-1"}, "/lines/0/quantity"),
    "negative price": ({"unit_price": "-0.01"}, "/lines/0/unit_price"),
    "quantity with five digits": ({"quantity": "1.00001"}, "/lines/0/quantity"),
    "price with seven digits": ({"unit_price": "1.0000001"}, "/lines/0/unit_price"),
    "not a number": ({"quantity": "NaN"}, "/lines/0/quantity"),
    "infinity": ({"unit_price": "Infinity"}, "/lines/0/unit_price"),
    "exponent": ({"unit_price": "1e3"}, "/lines/0/unit_price"),
    "words": ({"unit_price": "twelve"}, "/lines/0/unit_price"),
    "comma": ({"unit_price": "12,50"}, "/lines/0/unit_price"),
    "blank": ({"quantity": ""}, "/lines/0/quantity"),
    "true": ({"quantity": True}, "/lines/0/quantity"),
    "a list": ({"quantity": [1]}, "/lines/0/quantity"),
    "a float that lost digits": ({"unit_price": 123456789012.123456}, "/lines/0/unit_price"),
    "a huge float": ({"unit_price": 1e300}, "/lines/0/unit_price"),
    "a huge number": ({"quantity": "999999999999", "unit_price": "999999999999"}, "/lines/0/unit_price"),
    "sixteen digits": ({"quantity": "1234567890123456"}, "/lines/0/quantity"),
    "rate above 100": ({"taxes": [{"category": "S", "rate": "101"}]}, "/lines/0/taxes/0/rate"),
    "negative rate": ({"taxes": [{"category": "S", "rate": "-19"}]}, "/lines/0/taxes/0/rate"),
    "unknown category": ({"taxes": [{"category": "X", "rate": "0"}]}, "/lines/0/taxes/0/category"),
    "discount above 100": ({"discount_percent": "100.1"}, "/lines/0/discount_percent"),
    "no description": ({"description": "   "}, "/lines/0/description"),
    "long description": ({"description": "x" * 501}, "/lines/0/description"),
    "control character": ({"description": "a\u0007b"}, "/lines/0/description"),
    "line separator": ({"details": "a\u2028b\u0085c"}, "/lines/0/details"),
    "unknown field": ({"net_amount_minor": 1}, "/lines/0/net_amount_minor"),
}
NOT_THEIRS = {
    "document_status": "issued",
    "status": "paid",
    "headline": "paid",
    "number": "INV-2026-0001",
    "total_minor": 1,
    "due_minor": 0,
    "paid_at": "2026-01-01T00:00:00Z",
    "issued_at": "2026-01-01T00:00:00Z",
    "organization_id": "org_00000000000000000000000000",
    "version": 7,
    "link_url": "https://evil.example.com",
    "snapshot": {},
}


@pytest.fixture
async def body(account: Account) -> dict[str, Any]:
    return draft_body(customer_id=(await account.customer())["id"])


async def test_a_bad_line_is_refused_at_its_field(
    account: Account, body: dict[str, Any], subtests: pytest.Subtests
) -> None:
    for case in BAD_LINES:
        with subtests.test(str(case)):
            change, pointer = BAD_LINES[case]

            response = await account.send("POST", "/v1/invoices", {**body, "lines": [line_body(**change)]})

            assert response.status_code == 422, response.text
            assert response.headers["content-type"] == "application/problem+json"
            assert response.json()["errors"][0]["pointer"] == pointer
            assert (await account.get("/v1/invoices"))["data"] == []


async def test_a_number_that_json_does_not_have_is_refused(
    account: Account, body: dict[str, Any], subtests: pytest.Subtests
) -> None:
    for literal in ["NaN", "Infinity", "-Infinity", "1e999", "9" * 5000]:
        with subtests.test(str(literal)):
            text = (
                f'{{"customer_id": "{body["customer_id"]}", '
                f'"lines": [{{"description": "x", "quantity": {literal}, "unit_price": 1}}]}}'
            )

            response = await account.http.post(
                "/v1/invoices",
                content=text,
                headers={"Authorization": f"Bearer {account.key}", "Content-Type": "application/json"},
            )

            assert response.status_code in (400, 422), response.text
            assert response.headers["content-type"] == "application/problem+json"


async def test_a_plain_number_is_taken_as_text_or_as_json_number(
    account: Account, body: dict[str, Any], subtests: pytest.Subtests
) -> None:
    for number in [2, 2.0, 2.5, "2", "2.50", "0.0001"]:
        with subtests.test(str(number)):
            response = await account.send("POST", "/v1/invoices", {**body, "lines": [line_body(quantity=number)]})

            assert response.status_code == 201, response.text


async def test_nobody_sets_what_is_not_theirs_to_set(
    account: Account, body: dict[str, Any], subtests: pytest.Subtests
) -> None:
    for field in NOT_THEIRS:
        with subtests.test(str(field)):
            draft = await account.post("/v1/invoices", body)

            created = await account.send("POST", "/v1/invoices", {**body, field: NOT_THEIRS[field]})
            changed = await account.send(
                "PATCH", f"/v1/invoices/{draft['id']}", {field: NOT_THEIRS[field]}, if_match='"1"'
            )

            assert (created.status_code, changed.status_code) == (422, 422)
            assert created.json()["errors"][0]["pointer"] == f"/{field}"


BAD_DRAFTS: list[tuple[dict[str, Any], str]] = [
    ({"currency": "XXX"}, "/currency"),
    ({"currency": "eur"}, "/currency"),
    ({"currency": None}, "/currency"),
    ({"customer_id": None}, "/customer_id"),
    ({"customer_id": "inv_00000000000000000000000000"}, "/customer_id"),
    ({"customer_id": "cus_' or 1=1"}, "/customer_id"),
    ({"lines": []}, "/lines"),
    ({"lines": None}, "/lines"),
    ({"lines": "all"}, "/lines"),
    ({"payment_terms_days": -1}, "/payment_terms_days"),
    ({"payment_terms_days": 366}, "/payment_terms_days"),
    ({"payment_terms_days": "14"}, "/payment_terms_days"),
    ({"due_date": "2026-02-30"}, "/due_date"),
    ({"collection_method": "cash"}, "/collection_method"),
    ({"title": "two\nlines"}, "/title"),
    ({"title": "x" * 201}, "/title"),
    ({"notes": "nul\u0000"}, "/notes"),
    ({"notes": "x" * 4001}, "/notes"),
    ({"language": "german"}, "/language"),
    ({"layout": "baroque"}, "/layout"),
    ({"metadata": {"a": 1}}, "/metadata/a"),
    ({"metadata": {str(number): "x" for number in range(21)}}, "/metadata"),
    ({"allowances": [{"reason": "gift"}]}, "/allowances/0"),
    ({"allowances": [{"reason": "gift", "amount_minor": 1, "percent": "1"}]}, "/allowances/0"),
    ({"allowances": [{"reason": "gift", "amount_minor": -1}]}, "/allowances/0/amount_minor"),
    ({"allowances": [{"reason": "gift", "amount_minor": 1.5}]}, "/allowances/0/amount_minor"),
    ({"allowances": [{"reason": "gift", "amount_minor": 20001}]}, "/allowances/0"),
    ({"allowances": [{"reason": "gift", "percent": "100.5"}]}, "/allowances/0/percent"),
]


async def test_a_bad_field_of_a_draft_is_refused_by_name(
    account: Account, body: dict[str, Any], subtests: pytest.Subtests
) -> None:
    for change, pointer in BAD_DRAFTS:
        with subtests.test(str(change)):
            response = await account.send("POST", "/v1/invoices", {**body, **change})

            assert response.status_code in (400, 422), response.text
            if response.status_code == 422:
                assert response.json()["errors"][0]["pointer"] == pointer


async def test_five_hundred_lines_are_taken_and_one_more_is_not(account: Account, body: dict[str, Any]) -> None:
    line = line_body(quantity="1", unit_price="1.00", taxes=[])

    most = await account.send("POST", "/v1/invoices", {**body, "lines": [line] * 500})
    more = await account.send("POST", "/v1/invoices", {**body, "lines": [line] * 501})

    assert most.status_code == 201
    assert most.json()["total_minor"] == 50000
    assert more.status_code == 422
    assert more.json()["errors"][0]["pointer"] == "/lines"


async def test_a_body_that_is_not_an_object_is_refused(account: Account, subtests: pytest.Subtests) -> None:
    for content in ["", "{", "[]", '"text"', "null", "\ufeff{}", '{"name": "a", "name']:
        with subtests.test(str(content)):
            response = await account.http.post(
                "/v1/customers",
                content=content.encode(),
                headers={"Authorization": f"Bearer {account.key}", "Content-Type": "application/json"},
            )

            assert response.status_code in (400, 422)
            assert response.headers["content-type"] == "application/problem+json"


async def test_a_lone_surrogate_is_refused(account: Account) -> None:
    response = await account.http.post(
        "/v1/customers",
        content=b'{"name": "a\\ud800b"}',
        headers={"Authorization": f"Bearer {account.key}", "Content-Type": "application/json"},
    )

    assert response.status_code in (400, 422)


async def test_a_body_above_the_limit_is_refused(account: Account) -> None:
    response = await account.send("POST", "/v1/customers", {"name": "a", "notes": "x" * 1_100_000})

    assert response.status_code == 413


BAD_CUSTOMERS: list[tuple[dict[str, Any], str]] = [
    ({"name": ""}, "/name"),
    ({"name": "  "}, "/name"),
    ({"name": "x" * 201}, "/name"),
    ({"email": "nobody"}, "/email"),
    ({"email": "a@b.example\r\nBcc: c@d.example"}, "/email"),
    ({"address": {"country": "Germany"}}, "/address/country"),
    ({"address": {"planet": "Earth"}}, "/address/planet"),
    ({"currency": "EURO"}, "/currency"),
    ({"archived_at": None}, "/archived_at"),
]


async def test_a_bad_field_of_a_customer_is_refused_by_name(account: Account, subtests: pytest.Subtests) -> None:
    for change, pointer in BAD_CUSTOMERS:
        with subtests.test(str(change)):
            response = await account.send("POST", "/v1/customers", {"name": "Acme", **change})

            assert response.status_code == 422, response.text
            assert response.json()["errors"][0]["pointer"].startswith(pointer)


async def test_a_bad_setting_is_refused_by_name(account: Account, subtests: pytest.Subtests) -> None:
    for change, pointer in [
        ({"time_zone": "Mars/Olympus"}, "/time_zone"),
        ({"time_zone": "../../etc/passwd"}, "/time_zone"),
        ({"default_currency": ""}, "/default_currency"),
        ({"invoice_prefix": "inv-"}, "/invoice_prefix"),
        ({"bank_details": {"iban": "DE89370400440532013001"}}, "/bank_details/iban"),
        ({"bank_details": {"bic": "nope"}}, "/bank_details/bic"),
        ({"brand_color": "red"}, "/brand_color"),
        ({"overpayment_policy": "keep"}, "/overpayment_policy"),
        ({"id": "org_00000000000000000000000000"}, "/id"),
    ]:
        with subtests.test(str(change)):
            response = await account.send("PATCH", "/v1/settings/organization", change)

            assert response.status_code == 422, response.text
            assert response.json()["errors"][0]["pointer"] == pointer


async def test_an_answer_to_bad_input_repeats_nothing_of_it(account: Account, body: dict[str, Any]) -> None:
    secret = "sk_live_51Canary"

    response = await account.send("POST", "/v1/invoices", {**body, "currency": secret, "layout": secret})

    assert response.status_code == 422
    assert "Canary" not in response.text


async def test_a_malformed_id_is_refused_and_not_looked_up(account: Account, subtests: pytest.Subtests) -> None:
    for path in ["/v1/invoices/inv_1", "/v1/customers/x", "/v1/templates/tpl_%00"]:
        with subtests.test(str(path)):
            response = await account.send("GET", path)

            assert response.status_code in (400, 404, 422)
            assert response.headers["content-type"] == "application/problem+json"


async def test_a_refused_line_brings_no_second_complaint_about_the_list(account: Account, body: dict[str, Any]) -> None:
    response = await account.send("POST", "/v1/invoices", {**body, "lines": [line_body(unit_price="a lot")]})

    assert [error["pointer"] for error in response.json()["errors"]] == ["/lines/0/unit_price"]


async def test_a_whole_number_is_one_however_json_writes_it(account: Account, subtests: pytest.Subtests) -> None:
    for written, status in [("30", 200), ("30.0", 200), ("30.5", 422), ('"30"', 422), ("true", 422)]:
        with subtests.test(written):
            response = await account.http.request(
                "PATCH",
                "/v1/settings/organization",
                content=f'{{"payment_terms_days": {written}}}',
                headers={"Authorization": f"Bearer {account.key}", "Content-Type": "application/json"},
            )

            assert response.status_code == status, response.text


async def test_a_moment_is_written_out_and_never_a_number(account: Account, subtests: pytest.Subtests) -> None:
    for written in ["0.5", "1764000000", "yesterday", "2026-01-31", "2026-01-31T00:00:00"]:
        with subtests.test(written):
            response = await account.send("GET", f"/v1/invoices?created%5Bgte%5D={written}")

            assert response.status_code == 422, response.text
            assert response.json()["errors"][0]["parameter"] == "query created[gte]"


async def test_a_description_may_be_as_long_as_the_document_allows(account: Account, body: dict[str, Any]) -> None:
    fits = await account.send("POST", "/v1/invoices", {**body, "lines": [line_body(description="a" * 500)]})
    long = await account.send("POST", "/v1/invoices", {**body, "lines": [line_body(description="a" * 501)]})

    assert fits.status_code == 201, fits.text
    assert [error["pointer"] for error in long.json()["errors"]] == ["/lines/0/description"]


async def test_a_wrong_currency_of_a_customer_brings_one_complaint(account: Account) -> None:
    refused = await account.send("POST", "/v1/customers", {"name": "Acme", "currency": "AAA"})

    assert [error["pointer"] for error in refused.json()["errors"]] == ["/currency"]
