"""Customers, templates and the organisation's settings: kept as they were said, and only what was said is changed."""

from invoice_tests.make import Account, customer_body, line_body


async def test_a_customer_is_kept_as_it_was_said(account: Account) -> None:
    made = await account.customer(metadata={"crm": "4711"}, notes="Pays late\nbut pays")

    read = await account.get(f"/v1/customers/{made['id']}")

    assert read == made
    assert read["id"].startswith("cus_")
    assert read["metadata"] == {"crm": "4711"}
    assert read["address"]["city"] == "Berlin"


async def test_only_what_is_sent_is_changed_of_a_customer(account: Account) -> None:
    made = await account.customer()

    changed = await account.send("PATCH", f"/v1/customers/{made['id']}", {"notes": "new"})

    assert changed.status_code == 200
    assert changed.json() == {**made, "notes": "new", "version": 2, "updated_at": changed.json()["updated_at"]}
    assert changed.headers["etag"] == '"2"'


async def test_a_customer_changed_by_someone_else_is_not_overwritten(account: Account) -> None:
    path = f"/v1/customers/{(await account.customer())['id']}"
    await account.send("PATCH", path, {"notes": "first"}, if_match='"1"')

    late = await account.send("PATCH", path, {"notes": "second"}, if_match='"1"')

    assert late.status_code == 412


async def test_an_archived_customer_leaves_the_list_and_stays_readable(account: Account) -> None:
    made = await account.customer()

    first = await account.send("DELETE", f"/v1/customers/{made['id']}")
    again = await account.send("DELETE", f"/v1/customers/{made['id']}")

    assert (first.status_code, again.status_code) == (204, 204)
    assert (await account.get("/v1/customers"))["data"] == []
    assert (await account.get(f"/v1/customers/{made['id']}"))["archived_at"] is not None


async def test_an_organisation_begins_with_five_provided_templates(account: Account) -> None:
    templates = (await account.get("/v1/templates"))["data"]

    assert {row["slug"] for row in templates} == {
        "consulting-days",
        "project-milestone",
        "monthly-retainer",
        "goods-and-shipping",
        "services-usd",
    }
    assert all(row["provided"] and row["description"] for row in templates)
    one = await account.get(f"/v1/templates/{templates[0]['id']}")
    assert one == templates[0]


async def test_a_template_of_ones_own_can_be_used(account: Account) -> None:
    template = await account.post(
        "/v1/templates",
        {"name": "Monthly fee, Zürich", "title": "Fee", "currency": "CHF", "lines": [line_body()], "terms": "Net 10"},
    )
    customer = await account.customer()

    draft = await account.post("/v1/invoices", {"customer_id": customer["id"], "template_id": template["id"]})

    assert template["slug"] == "monthly-fee-zurich"
    assert template["provided"] is False
    assert (draft["title"], draft["terms"], draft["currency"], draft["total_minor"]) == ("Fee", "Net 10", "CHF", 23800)


async def test_two_templates_cannot_share_a_name(account: Account) -> None:
    body = {"name": "Fee", "lines": [line_body()]}
    await account.post("/v1/templates", body)

    second = await account.send("POST", "/v1/templates", {**body, "name": "  FEE "})

    assert second.status_code == 409
    assert second.json()["errors"][0]["pointer"] == "/name"


async def test_a_template_cannot_hold_lines_that_no_invoice_could_have(account: Account) -> None:
    response = await account.send("POST", "/v1/templates", {"name": "Bad", "lines": [line_body(quantity="1.00001")]})

    assert response.status_code == 422
    assert response.json()["errors"][0]["pointer"] == "/lines/0/quantity"


async def test_settings_are_changed_one_by_one_and_new_drafts_follow(account: Account) -> None:
    before = await account.get("/v1/settings/organization")

    changed = await account.send(
        "PATCH",
        "/v1/settings/organization",
        {
            "default_currency": "CHF",
            "default_collection_method": "stripe",
            "payment_terms_days": 30,
            "bank_details": {"account_holder": "Nordlicht", "iban": "DE89 3704 0044 0532 0130 00"},
        },
    )
    draft = await account.draft()

    assert before["default_collection_method"] == "manual"
    assert changed.json()["bank_details"]["iban"] == "DE89370400440532013000"
    assert changed.json()["time_zone"] == "Europe/Berlin"
    assert (draft["currency"], draft["collection_method"], draft["payment_terms_days"]) == ("CHF", "stripe", 30)


async def test_a_customer_of_every_script_is_kept(account: Account) -> None:
    for name in ("Żółć & Syn", "株式会社テスト", "شركة الاختبار", "Zoë’s <b>Café</b>"):
        made = await account.post("/v1/customers", customer_body(name=name))
        assert made["name"] == name
