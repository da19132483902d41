"""Drafts through the API: what they start from, how they change, and what they can never be told."""

from invoice_tests.make import Account


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
