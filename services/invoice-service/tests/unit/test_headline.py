"""The one word for an invoice, in the order of precedence."""

from dataclasses import replace
from datetime import date

import pytest
from invoice_service.domain.headline import (
    Headline,
    HeadlineFacts,
    MailPicture,
    headline,
    is_overdue,
    mail_picture,
)
from invoice_service.domain.statuses import DeliveryState, DocumentState, DocumentStatus, LinkStatus, PaymentStatus

SENT = HeadlineFacts(
    document_status=DocumentStatus.ISSUED,
    document_state=DocumentState.STORED,
    collects_by_stripe=True,
    link_status=LinkStatus.ACTIVE,
    payment_status=PaymentStatus.UNPAID,
    mail=MailPicture.SENT,
    due_minor=100,
    due_date=date(2026, 11, 30),
    today=date(2026, 11, 22),
)


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({}, "sent"),
        ({"document_status": DocumentStatus.DRAFT}, "draft"),
        ({"document_status": DocumentStatus.VOIDING}, "voiding"),
        ({"document_status": DocumentStatus.VOID}, "void"),
        ({"document_status": DocumentStatus.UNCOLLECTIBLE}, "uncollectible"),
        ({"mail": MailPicture.NONE}, "sending"),
        ({"mail": MailPicture.ON_ITS_WAY}, "sending"),
        ({"mail": MailPicture.FAILED}, "action_needed"),
        ({"mail": MailPicture.NONE, "link_status": LinkStatus.FAILED}, "action_needed"),
        ({"mail": MailPicture.NONE, "document_state": DocumentState.FAILED}, "action_needed"),
        ({"link_status": LinkStatus.FAILED, "collects_by_stripe": False}, "sent"),
        ({"payment_status": PaymentStatus.PARTIALLY_PAID}, "partially_paid"),
        ({"payment_status": PaymentStatus.PAID, "due_minor": 0}, "paid"),
        ({"payment_status": PaymentStatus.OVERPAID, "due_minor": 0}, "overpaid"),
        ({"payment_status": PaymentStatus.PROCESSING}, "processing"),
        ({"payment_status": PaymentStatus.DISPUTED}, "disputed"),
        ({"payment_status": PaymentStatus.REFUNDED}, "refunded"),
        ({"today": date(2026, 11, 30)}, "sent"),
        ({"today": date(2026, 12, 1)}, "overdue"),
    ],
)
def test_each_fact_has_its_word(changed: dict[str, object], word: str) -> None:
    assert headline(replace(SENT, **changed)) == word  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("changed", "word"),
    [
        ({"payment_status": PaymentStatus.PAID, "mail": MailPicture.FAILED, "due_minor": 0}, "paid"),
        ({"payment_status": PaymentStatus.PARTIALLY_PAID, "today": date(2027, 1, 1)}, "overdue"),
        ({"payment_status": PaymentStatus.PROCESSING, "today": date(2027, 1, 1)}, "processing"),
        ({"mail": MailPicture.FAILED, "today": date(2027, 1, 1)}, "action_needed"),
        ({"document_status": DocumentStatus.VOID, "payment_status": PaymentStatus.OVERPAID}, "overpaid"),
        ({"payment_status": PaymentStatus.PAID, "today": date(2027, 1, 1), "due_minor": 0}, "paid"),
    ],
)
def test_the_weightier_fact_wins(changed: dict[str, object], word: str) -> None:
    assert headline(replace(SENT, **changed)) == word  # type: ignore[arg-type]


def test_a_deleted_draft_has_no_headline() -> None:
    with pytest.raises(LookupError):
        headline(replace(SENT, document_status=DocumentStatus.DELETED))


def test_every_headline_can_be_reached_by_the_table() -> None:
    assert {word.value for word in Headline} == {
        "draft", "sending", "sent", "action_needed", "processing", "partially_paid", "paid", "overpaid", "overdue",
        "disputed", "refunded", "voiding", "void", "uncollectible",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("deliveries", "picture"),
    [
        ([], MailPicture.NONE),
        ([("sent", False)], MailPicture.SENT),
        ([("sent", True)], MailPicture.SENT),
        ([("sent", False), ("queued", False)], MailPicture.ON_ITS_WAY),
        ([("unknown", False)], MailPicture.ON_ITS_WAY),
        ([("unknown", True)], MailPicture.FAILED),
        ([("sent", False), ("failed", False)], MailPicture.FAILED),
        ([("bounced", False)], MailPicture.FAILED),
    ],
)
def test_one_mail_is_the_sum_of_its_recipients(deliveries: list[tuple[str, bool]], picture: MailPicture) -> None:
    assert mail_picture((DeliveryState(state), twice) for state, twice in deliveries) is picture


@pytest.mark.parametrize(
    ("due_date", "due_minor", "today", "late"),
    [
        (date(2026, 11, 22), 1, date(2026, 11, 22), False),
        (date(2026, 11, 21), 1, date(2026, 11, 22), True),
        (date(2026, 11, 21), 0, date(2026, 11, 22), False),
        (None, 1, date(2026, 11, 22), False),
    ],
)
def test_an_invoice_is_late_from_the_day_after(due_date: date, due_minor: int, today: date, *, late: bool) -> None:
    assert is_overdue(due_date=due_date, due_minor=due_minor, today=today) is late
