"""Drafts through the API: what they start from, how they change, and what they can never be told."""

from typing import Any

import pytest
from invoice_tests.make import Account, draft_body, line_body

NOBODY = "cus_00000000000000000000000000"
NOWHERE = "tpl_00000000000000000000000000"
PROVIDED_TOTALS = {
    # 3 x 960.00 + 4.5 x 120.00 + 148.60 = 3568.60 net; 19 % = 678.03
    "consulting-days": (356860, 67803, 424663, "EUR"),
    # 2400.00 + 3800.00 + 2 x 450.00 less 10 % = 7010.00, less 5 % = 6659.50; 19 % = 1265.31
    "project-milestone": (665950, 126531, 792481, "EUR"),
    # 1200.00 + 189.00, the recipient owes the tax
    "monthly-retainer": (138900, 0, 138900, "EUR"),
    # 159.80 + 73.50 + 6.90 = 240.20 at 19 % = 45.64; 34.00 at 7 % = 2.38
    "goods-and-shipping": (27420, 4802, 32222, "EUR"),
    # 24 x 135.00 + 6 x 110.00
    "services-usd": (390000, 0, 390000, "USD"),
}


async def test_a_draft_shows_the_totals_that_follow_from_its_lines(account: Account) -> None:
    draft = await account.draft()

    assert draft["document_status"] == "draft"
    assert draft["headline"] == "draft"
    assert draft["totals"] == {
        "lines_minor": 20000,
        "allowances_minor": 0,
        "net_minor": 20000,
        "tax_minor": 3800,
        "total_minor": 23800,
    }
    assert draft["lines"][0]["net_amount_minor"] == 20000
    assert draft["number"] is None
    assert draft["page_url"] is None
    assert draft["collection_method"] == "manual"


async def test_every_provided_template_makes_a_whole_draft(account: Account) -> None:
    customer = await account.customer()
    templates = (await account.get("/v1/templates"))["data"]

    drafts = {
        template["slug"]: await account.post(
            "/v1/invoices", {"customer_id": customer["id"], "template_id": template["id"]}
        )
        for template in templates
    }

    assert {
        slug: (draft["totals"]["net_minor"], draft["totals"]["tax_minor"], draft["total_minor"], draft["currency"])
        for slug, draft in drafts.items()
    } == PROVIDED_TOTALS
    for draft in drafts.values():
        assert all(draft[field] for field in ("title", "lines", "notes", "terms", "message"))


async def test_a_template_gives_way_to_what_the_request_says(account: Account) -> None:
    customer = await account.customer(currency="CHF", language="de")
    template = (await account.get("/v1/templates"))["data"][0]

    draft = await account.post(
        "/v1/invoices",
        {"customer_id": customer["id"], "template_id": template["id"], "title": "Own title", "lines": [line_body()]},
    )

    assert draft["title"] == "Own title"
    assert draft["total_minor"] == 23800
    assert (draft["currency"], draft["language"]) == ("CHF", "de")
    assert draft["terms"] == template["content"]["terms"]
    assert draft["payment_terms_days"] == template["content"]["payment_terms_days"]


async def test_a_draft_is_changed_by_whoever_read_it_last(account: Account) -> None:
    draft = await account.draft()
    read = await account.send("GET", f"/v1/invoices/{draft['id']}")

    changed = await account.send(
        "PATCH",
        f"/v1/invoices/{draft['id']}",
        {"lines": [line_body(quantity="3")], "notes": "Thank you"},
        if_match=read.headers["etag"],
    )

    assert read.headers["etag"] == '"1"'
    assert changed.status_code == 200
    assert changed.headers["etag"] == '"2"'
    assert changed.json()["total_minor"] == 35700
    assert changed.json()["title"] == "Work in November"


async def test_a_change_must_name_the_version_it_is_made_on(account: Account) -> None:
    draft = await account.draft()

    response = await account.send("PATCH", f"/v1/invoices/{draft['id']}", {"notes": "x"})

    assert response.status_code == 428
    assert response.json()["code"] == "if-match-required"


async def test_a_change_of_an_older_version_is_refused_and_told_the_newest(account: Account) -> None:
    path = f"/v1/invoices/{(await account.draft())['id']}"
    await account.send("PATCH", path, {"notes": "first"}, if_match='"1"')

    late = await account.send("PATCH", path, {"notes": "second"}, if_match='"1"')

    assert late.status_code == 412
    assert late.json()["facts"] == {"current_etag": '"2"'}
    assert (await account.get(path))["notes"] == "first"


async def test_a_malformed_etag_is_refused(account: Account, subtests: pytest.Subtests) -> None:
    for etag in ["1", '"x"', 'W/"1"', '"1", "2"', '"-1"', '"99999999999999999999"']:
        with subtests.test(str(etag)):
            draft = await account.draft()

            response = await account.send("PATCH", f"/v1/invoices/{draft['id']}", {"notes": "x"}, if_match=etag)

            assert response.status_code == 422
            assert response.json()["code"] == "if-match-malformed"


async def test_a_deleted_draft_is_gone(account: Account) -> None:
    draft = await account.draft()

    deleted = await account.send("DELETE", f"/v1/invoices/{draft['id']}")

    assert deleted.status_code == 204
    assert (await account.send("GET", f"/v1/invoices/{draft['id']}")).status_code == 404
    assert (await account.send("DELETE", f"/v1/invoices/{draft['id']}")).status_code == 404
    assert (await account.get("/v1/invoices"))["data"] == []


async def test_a_draft_that_changed_meanwhile_is_not_deleted_by_mistake(account: Account) -> None:
    path = f"/v1/invoices/{(await account.draft())['id']}"
    await account.send("PATCH", path, {"notes": "keep me"}, if_match='"1"')

    response = await account.send("DELETE", path, if_match='"1"')

    assert response.status_code == 412
    assert (await account.get(path))["notes"] == "keep me"


async def test_an_archived_customer_cannot_be_billed(account: Account) -> None:
    customer = await account.customer()
    await account.send("DELETE", f"/v1/customers/{customer['id']}")

    response = await account.send("POST", "/v1/invoices", draft_body(customer_id=customer["id"]))

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/customer_id"


async def test_an_unknown_customer_is_refused(account: Account) -> None:
    response = await account.send("POST", "/v1/invoices", draft_body(customer_id=NOBODY))

    assert response.status_code == 422
    assert response.json()["code"] == "customer-unknown"


async def test_a_draft_from_a_template_that_is_not_there_is_refused(account: Account) -> None:
    customer = await account.customer()

    response = await account.send("POST", "/v1/invoices", draft_body(customer_id=customer["id"], template_id=NOWHERE))

    problem = response.json()
    assert (response.status_code, problem["code"]) == (422, "template-unknown")
    assert problem["errors"][0]["pointer"] == "/template_id"
    assert "GET /v1/templates" in problem["detail"]
    assert (await account.get("/v1/invoices"))["data"] == []


async def test_nothing_of_a_refused_change_is_kept(account: Account) -> None:
    path = f"/v1/invoices/{(await account.draft())['id']}"

    response = await account.send(
        "PATCH", path, {"title": "half", "lines": [line_body(quantity="1.00001")]}, if_match='"1"'
    )

    assert response.status_code == 422
    after = await account.get(path)
    assert (after["title"], after["version"]) == ("Work in November", 1)


@pytest.mark.parametrize(
    ("currency", "line", "pointer"),
    [
        ("ISK", {"quantity": "1", "unit_price": "10.50", "taxes": []}, "/lines/0"),
        ("KWD", {"quantity": "1", "unit_price": "1.001", "taxes": []}, "/total_minor"),
    ],
)
async def test_what_stripe_cannot_say_is_refused_while_drafting_for_stripe_only(
    account: Account, currency: str, line: dict[str, Any], pointer: str
) -> None:
    customer = await account.customer()
    body = draft_body(customer_id=customer["id"], currency=currency, lines=[line_body(**line)])

    by_stripe = await account.send("POST", "/v1/invoices", {**body, "collection_method": "stripe"})
    by_hand = await account.send("POST", "/v1/invoices", {**body, "collection_method": "manual"})

    assert by_stripe.status_code == 422
    assert by_stripe.json()["code"] == "amount-not-representable"
    assert by_stripe.json()["errors"][0]["pointer"] == pointer
    assert by_hand.status_code == 201


async def test_a_small_amount_for_stripe_is_saved_with_a_warning(account: Account) -> None:
    line = line_body(quantity="1", unit_price="0.10", taxes=[])

    draft = await account.draft(currency="USD", collection_method="stripe", lines=[line])

    assert draft["total_minor"] == 10
    assert any("0.50 USD" in warning for warning in draft["warnings"])
    assert any("connect it" in warning for warning in draft["warnings"])
