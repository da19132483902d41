"""Whatever people, payers and the network do: no cent is lost, and the one live link asks for what is due.

Each seed is one history of an invoice: actions through the API, and news from a model of payment-service that is held
back, shuffled and repeated. When everything was delivered, the same laws hold for all of them.
"""

import random
from uuid import UUID

import pytest
from contracts.catalogue import CATALOGUE
from contracts.ids import format_id
from invoice_tests.driver import Driver
from invoice_tests.make import Account
from invoice_tests.scenes import Issued, ordered_by_stripe
from invoice_tests.stripe_side import StripeSide

STEPS = 25


class History:
    def __init__(self, invoice: Issued, chance: random.Random) -> None:
        self.invoice = invoice
        self.driver = invoice.driver
        self.chance = chance
        self.stripe = StripeSide(invoice, chance)
        self.seen = 0

    async def play(self, steps: int) -> None:
        for _ in range(steps):
            await self._pass_on()
            move = self.chance.choices([self._act, self._deliver, self._work, self._pay], weights=[3, 5, 5, 2])[0]
            await move()

    async def finish(self) -> None:
        """Until nobody has anything to say any more."""
        while True:
            await self.driver.settle()
            await self._pass_on()
            if self.stripe.news:
                await self._deliver()
            elif not self.stripe.work():
                return

    async def _pass_on(self) -> None:
        """What our outbox says reaches payment-service."""
        rows = await self.driver.query(
            "select id, type, payload::text as body from invoice.outbox "
            "where aggregate_id = $1 and id > $2 order by id",
            self.invoice.id,
            self.seen,
        )
        for row in rows:
            self.stripe.obey(CATALOGUE[row["type"]].event.model_validate_json(row["body"]))
            self.seen = row["id"]

    async def _deliver(self) -> None:
        """One piece of news, any one; sometimes it stays behind and comes again."""
        if self.stripe.news:
            news = self.chance.choice(self.stripe.news)
            if self.chance.random() < 0.8:
                self.stripe.news.remove(news)
            await self.driver.hear(news)

    async def _work(self) -> None:
        self.stripe.work(fails=self.chance.random() < 0.2)

    async def _pay(self) -> None:
        self.stripe.payer_pays()

    async def _act(self) -> None:
        account, path = self.invoice.account, self.invoice.path
        kind = self.chance.choice(["pay", "pay", "reverse", "void", "retry-link", "send-manually", "resend"])
        if kind == "pay":
            answer = await account.send("POST", f"{path}/payments", {"amount_minor": self.chance.randint(1, 30000)})
        elif kind == "reverse":
            payments = [entry for entry in await self.driver.entries(self.invoice.id) if entry["kind"] == "manual"]
            if not payments:
                return
            payment: UUID = self.chance.choice(payments)["payment_id"]
            answer = await account.send("POST", f"{path}/payments/{format_id('pay', payment)}/reverse", {})
        else:
            answer = await account.send("POST", f"{path}/{kind}", None if "-" in kind else {})
        assert answer.status_code in (200, 201, 409), answer.text
        await self.driver.settle()


async def check_laws(history: History) -> None:
    invoice, stripe = history.invoice, history.stripe
    row, balance = await invoice.driver.invoice(invoice.id), await invoice.driver.balance(invoice.id)
    entries = await invoice.driver.entries(invoice.id)

    assert sum(entry["received_minor"] for entry in entries if entry["kind"] == "capture") == stripe.captured_minor()
    assert balance["received_minor"] == balance["applied_minor"] + balance["suspense_minor"]
    assert balance["due_minor"] == balance["total_minor"] - balance["applied_minor"]
    assert row["document_status"] in ("issued", "void")
    live = stripe.live_links()
    wants_link = (
        row["document_status"] == "issued"
        and row["collection_method"] == "stripe"
        and balance["due_minor"] > 0
        and row["link_status"] != "failed"
    )
    assert [(link.status, link.attempt, link.amount_minor) for link in live] == (
        [("active", row["link_attempt"], balance["due_minor"])] if wants_link else []
    )
    assert row["link_status"] in (("active",) if wants_link else ("closed", "failed"))
    if row["document_status"] == "void":
        assert balance["applied_minor"] == 0


@pytest.mark.parametrize("seed", range(8))
async def test_any_history_keeps_every_cent_and_one_true_link(account: Account, driver: Driver, seed: int) -> None:
    history = History(await ordered_by_stripe(account, driver), random.Random(seed))

    await history.play(STEPS)
    await history.finish()

    await check_laws(history)


@pytest.mark.slow
@pytest.mark.parametrize("batch", range(20))
async def test_many_more_histories_keep_every_cent_and_one_true_link(
    account: Account, driver: Driver, batch: int
) -> None:
    customer = await account.customer()

    for seed in range(1000 + batch * 10, 1010 + batch * 10):
        invoice = await ordered_by_stripe(account, driver, customer_id=customer["id"])
        history = History(invoice, random.Random(seed))
        await history.play(STEPS * 2)
        await history.finish()
        await check_laws(history)
