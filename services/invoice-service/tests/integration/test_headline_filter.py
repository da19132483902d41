"""The list's SQL and the domain's table give the same headline for every combination of the axes."""

import itertools
from datetime import date, timedelta

from invoice_service.domain.headline import Headline, HeadlineFacts, headline, mail_picture
from invoice_service.domain.statuses import DeliveryState, DocumentState, DocumentStatus, LinkStatus, PaymentStatus
from invoice_service.queries.headline_filter import headline_expression
from invoice_service.tables.invoices import Invoice
from invoice_service.tables.ledger import InvoiceBalance
from invoice_tests.make import Account
from service_kit.identifiers import new_id
from service_kit.testing.databases import ServiceDatabase
from sqlalchemy import select
from sqlmodel import col

TODAY = date(2026, 11, 22)
MAILS: tuple[tuple[tuple[DeliveryState, bool], ...], ...] = (
    (),
    ((DeliveryState.QUEUED, False),),
    ((DeliveryState.SENDING, False), (DeliveryState.SENT, False)),
    ((DeliveryState.SENT, True), (DeliveryState.SENT, False)),
    ((DeliveryState.SENT, False), (DeliveryState.FAILED, False)),
    ((DeliveryState.BOUNCED, False),),
    ((DeliveryState.UNKNOWN, False),),
    ((DeliveryState.UNKNOWN, True),),
)


async def test_sql_and_table_agree_on_every_combination(account: Account, service_database: ServiceDatabase) -> None:
    combinations = list(
        itertools.product(
            [status for status in DocumentStatus if status is not DocumentStatus.DELETED],
            (DocumentState.STORED, DocumentState.FAILED),
            (("manual", LinkStatus.NONE), ("manual", LinkStatus.FAILED), ("stripe", LinkStatus.FAILED),
             ("stripe", LinkStatus.ACTIVE)),
            PaymentStatus,
            MAILS,
            ((100, TODAY - timedelta(days=1)), (0, TODAY - timedelta(days=1)), (100, TODAY), (100, None)),
        )
    )  # fmt: skip
    await _plant(account, service_database, combinations)

    async with account.database.transaction(organization_id=account.organization_id) as session:
        statement = select(col(Invoice.title), headline_expression(today=TODAY)).outerjoin(
            InvoiceBalance, col(InvoiceBalance.invoice_id) == col(Invoice.id)
        )
        shown = {int(title): word for title, word in await (await session.connection()).execute(statement) if title}

    expected = {
        number: headline(
            HeadlineFacts(
                document_status=status,
                document_state=state,
                collects_by_stripe=method == "stripe",
                link_status=link,
                payment_status=payment,
                mail=mail_picture(mail),
                due_minor=due,
                due_date=due_date,
                today=TODAY,
            )
        )
        for number, (status, state, (method, link), payment, mail, (due, due_date)) in enumerate(combinations)
    }
    assert len(shown) == len(combinations)
    assert {number for number, word in shown.items() if Headline(word) is not expected[number]} == set()
    assert set(expected.values()) == set(Headline)


async def _plant(account: Account, database: ServiceDatabase, combinations: list[tuple]) -> None:  # type: ignore[type-arg]
    """Rows that the checks of the tables would not let be: only the headline is asked of them."""
    await account.customer()
    await database.fetch("alter table invoice.invoices drop constraint numbered_when_issued")
    await database.fetch("alter table invoice.invoices drop constraint void_has_a_time")
    await database.fetch("alter table invoice.invoices drop constraint link_belongs_to_an_attempt")
    await database.fetch("alter table invoice.invoices drop constraint active_link_has_an_address")
    await database.fetch("alter table invoice.invoice_balances disable trigger user")
    invoices, balances, deliveries = [], [], []
    for number, (status, state, (method, link), payment, mail, (due, due_date)) in enumerate(combinations):
        invoice_id, mail_id = new_id(), new_id()
        invoices.append((invoice_id, str(number), status, state, method, link, mail_id, due_date))
        balances.append((invoice_id, due, payment))
        deliveries += [(mail_id, f"{n}@example.com", invoice_id, word, twice) for n, (word, twice) in enumerate(mail)]
    await database.fetch(
        "insert into invoice.invoices (organization_id, id, customer_id, currency, title, document_status, "
        "document_state, collection_method, link_status, mail_id, due_date, created_at, updated_at) "
        "select $1, u.id, $2, 'EUR', u.title, u.status, u.state, u.method, u.link, u.mail, u.due, now(), now() "
        "from unnest($3::uuid[], $4::text[], $5::text[], $6::text[], $7::text[], $8::text[], $9::uuid[], $10::date[]) "
        "as u (id, title, status, state, method, link, mail, due)",
        account.organization_id,
        await _customer_uuid(database),
        *[list(column) for column in zip(*invoices, strict=True)],
    )
    await database.fetch(
        "insert into invoice.invoice_balances (organization_id, invoice_id, currency, total_minor, due_minor, "
        "payment_status, updated_at) select $1, u.id, 'EUR', 100, u.due, u.status, now() "
        "from unnest($2::uuid[], $3::bigint[], $4::text[]) as u (id, due, status)",
        account.organization_id,
        *[list(column) for column in zip(*balances, strict=True)],
    )
    await database.fetch(
        "insert into invoice.deliveries (organization_id, mail_id, recipient, invoice_id, kind, state, "
        "duplicate_possible, created_at, updated_at) select $1, u.mail, u.recipient, u.invoice, 'invoice', u.state, "
        "u.twice, now(), now() from unnest($2::uuid[], $3::text[], $4::uuid[], $5::text[], $6::bool[]) "
        "as u (mail, recipient, invoice, state, twice)",
        account.organization_id,
        *[list(column) for column in zip(*deliveries, strict=True)],
    )


async def _customer_uuid(database: ServiceDatabase) -> object:
    return (await database.fetch("select id from invoice.customers"))[0]["id"]
