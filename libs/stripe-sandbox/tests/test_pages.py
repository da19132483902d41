"""The pages a payer sees: labelled a sandbox everywhere, usable without a script, and safe with what others typed."""

from typing import Any

import pytest

STRIP = "This is not Stripe and no money moves."


async def test_every_page_says_sandbox_and_loads_nothing_from_elsewhere(bench: Any) -> None:
    link = await bench.new_link()
    session_id = await bench.opened(link)
    declined = await bench.http.post(f"/c/pay/{session_id}", data={"method": "4000000000000002"})
    checkout = await bench.http.get(link.url)
    await bench.http.post(f"/c/pay/{session_id}", data={"method": "4242424242424242"})
    pages = [declined, checkout]
    pages += [await bench.http.get(path) for path in ("/", f"/c/pay/{session_id}", link.url, "/pay/plink_none")]

    assert [page.status_code for page in pages] == [402, 200, 200, 200, 410, 404]
    for page in pages:
        assert STRIP in page.text
        assert "<script" not in page.text
        assert 'src="' not in page.text
        assert "default-src 'none'" in page.headers["content-security-policy"]


async def test_the_page_shows_the_amount_the_merchant_and_the_reason(bench: Any) -> None:
    link = await bench.new_link(line_items=bench.items("kwd", 5120))

    page = (await bench.http.get(link.url)).text

    assert "Pay KWD 5.120" in page
    assert "Nordlicht Studio" in page
    assert "Invoice 1" in page


@pytest.mark.parametrize(
    ("query", "expected"),
    [
        ("prefilled_email=a%2Bb%40c.example", 'value="a+b@c.example" autocomplete="off" maxlength="254">'),
        ("locked_prefilled_email=a%40c.example", 'value="a@c.example" autocomplete="off" maxlength="254" readonly>'),
        ("prefilled_email=nonsense", 'value="" autocomplete="off"'),
    ],
)
async def test_an_email_can_be_prefilled_or_locked_and_a_wrong_one_is_ignored(
    bench: Any, query: str, expected: str
) -> None:
    link = await bench.new_link()

    assert expected in (await bench.http.get(f"{link.url}?{query}")).text


async def test_what_others_typed_is_escaped(bench: Any) -> None:
    link = await bench.new_link(inactive_message="<b>closed</b>")

    page = (await bench.http.get(f"{link.url}?prefilled_email=%22%3E%3Cscript%3E%40x")).text
    await bench.client.v1.payment_links.update_async(link.id, {"active": False})
    closed = (await bench.http.get(link.url)).text

    assert "<script" not in page
    assert "&lt;b&gt;closed" in closed


async def test_a_declined_card_says_so_and_offers_another_try(bench: Any) -> None:
    session_id = await bench.opened(await bench.new_link())

    page = await bench.http.post(f"/c/pay/{session_id}", data={"method": "4000000000009995", "email": "a@b.example"})

    assert "insufficient funds" in page.text
    assert 'value="a@b.example"' in page.text
    assert f'action="/c/pay/{session_id}"' in page.text


async def test_a_typed_card_wins_over_the_choice_beside_it(bench: Any) -> None:
    session_id = await bench.opened(await bench.new_link())

    answer = await bench.http.post(
        f"/c/pay/{session_id}", data={"method": "4242424242424242", "card": "4000 0000 0000 0002"}
    )

    assert answer.status_code == 402


async def test_paying_twice_leads_to_the_paid_page_and_takes_the_money_once(bench: Any) -> None:
    session_id = await bench.opened(await bench.new_link())
    form = {"method": "4242424242424242"}
    await bench.http.post(f"/c/pay/{session_id}", data=form)

    again = await bench.http.post(f"/c/pay/{session_id}", data=form)

    assert (again.status_code, again.headers["location"]) == (303, f"/c/pay/{session_id}")
    assert "Paid in full" in (await bench.http.get(again.headers["location"])).text
    assert (await bench.look("ledger"))["accounts"][bench.account]["totals"]["eur"]["received"] == 12345


@pytest.mark.parametrize(("outcome", "words"), [(None, "On its way"), ("failed", "The bank did not pay")])
async def test_a_bank_debit_page_says_where_the_money_is(bench: Any, outcome: str | None, words: str) -> None:
    session_id = await bench.opened(await bench.new_link())
    await bench.http.post(f"/c/pay/{session_id}", data={"method": "debit_succeeds"})
    if outcome:
        await bench.control(f"settle/{session_id}", outcome=outcome)

    assert words in (await bench.http.get(f"/c/pay/{session_id}")).text


async def test_bank_debit_is_not_offered_where_no_debit_exists(bench: Any) -> None:
    link = await bench.new_link(line_items=bench.items("jpy", 5000))

    assert "Bank debit" not in (await bench.http.get(link.url)).text
    refused = await bench.http.post(f"/_sandbox/pay/{link.id}", json={"card": "debit_succeeds"})
    assert refused.status_code == 400


async def test_a_visit_opens_a_session_that_lives_a_day(bench: Any) -> None:
    link = await bench.new_link()

    first, second = await bench.opened(link), await bench.opened(link)

    session = await bench.client.v1.checkout.sessions.retrieve_async(first)
    assert first != second
    assert session.expires_at - session.created == 86400
    assert session.client_reference_id is None
