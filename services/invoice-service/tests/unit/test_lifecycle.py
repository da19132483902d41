"""Legal moves of document and link: made, already made, overtaken, or a conflict; and orders that must not matter."""

import itertools

import pytest
from invoice_service.domain.lifecycle import (
    DocumentMove,
    InvoiceMoveImpossible,
    InvoiceNotDraft,
    LinkNews,
    LinkNewsImpossible,
    Outcome,
    apply_link_news,
    closing_link,
    move_document,
)
from invoice_service.domain.statuses import DocumentStatus, LinkStatus


@pytest.mark.parametrize(
    ("status", "move", "outcome", "after"),
    [
        ("draft", "issue", "made", "issued"),
        ("draft", "delete", "made", "deleted"),
        ("deleted", "delete", "already made", "deleted"),
        ("issued", "ask to void", "made", "voiding"),
        ("voiding", "ask to void", "already made", "voiding"),
        ("voiding", "void", "made", "void"),
        ("void", "void", "already made", "void"),
        ("voiding", "keep", "made", "issued"),
        ("issued", "void", "overtaken", "issued"),
        ("void", "keep", "overtaken", "void"),
        ("issued", "write off", "made", "uncollectible"),
        ("uncollectible", "recover", "made", "issued"),
    ],
)
def test_a_legal_move_says_what_it_did(status: str, move: str, outcome: str, after: str) -> None:
    step = move_document(status=DocumentStatus(status), move=DocumentMove(move))

    assert (step.outcome, step.status) == (outcome, after)


@pytest.mark.parametrize("status", ["issued", "voiding", "void", "uncollectible"])
@pytest.mark.parametrize("move", [DocumentMove.ISSUE, DocumentMove.DELETE])
def test_what_was_issued_cannot_be_sent_or_deleted_again(status: str, move: DocumentMove) -> None:
    with pytest.raises(InvoiceNotDraft):
        move_document(status=DocumentStatus(status), move=move)


@pytest.mark.parametrize(
    ("status", "move"),
    [("draft", "void"), ("draft", "ask to void"), ("deleted", "issue"), ("void", "write off"), ("draft", "keep")],
)
def test_an_impossible_move_is_a_conflict(status: str, move: str) -> None:
    with pytest.raises(InvoiceMoveImpossible):
        move_document(status=DocumentStatus(status), move=DocumentMove(move))


@pytest.mark.parametrize("history", [["created", "closed"], ["failed", "closed"], ["closed"]])
def test_the_news_of_one_attempt_ends_the_same_in_every_order_and_repeated(history: list[str]) -> None:
    for order in itertools.permutations(history * 2):
        status = LinkStatus.CREATING
        for news in order:
            status = apply_link_news(status=status, attempt=3, news=LinkNews(news), news_attempt=3).status

        assert status is LinkStatus.CLOSED, order


@pytest.mark.parametrize("status", list(LinkStatus))
@pytest.mark.parametrize("news", list(LinkNews))
def test_news_of_an_earlier_attempt_is_overtaken(status: LinkStatus, news: LinkNews) -> None:
    step = apply_link_news(status=status, attempt=2, news=news, news_attempt=1)

    assert (step.outcome, step.status) == (Outcome.OVERTAKEN, status)


@pytest.mark.parametrize(
    ("status", "news", "news_attempt"),
    [("creating", "created", 3), ("none", "created", 2), ("active", "failed", 2), ("failed", "created", 2)],
)
def test_news_that_no_history_explains_is_a_conflict(status: str, news: str, news_attempt: int) -> None:
    with pytest.raises(LinkNewsImpossible):
        apply_link_news(status=LinkStatus(status), attempt=2, news=LinkNews(news), news_attempt=news_attempt)


@pytest.mark.parametrize(
    ("before", "after"),
    [("creating", "closing"), ("active", "closing"), ("closing", "closing"), ("closed", "closed"), ("none", "none")],
)
def test_a_link_that_must_end_is_closing_until_it_is_proven_closed(before: str, after: str) -> None:
    assert closing_link(LinkStatus(before)) is LinkStatus(after)
