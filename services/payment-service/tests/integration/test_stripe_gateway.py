"""The real gateway when Stripe misbehaves: one attempt a call, an end within its time, and no secret left anywhere."""

import asyncio
import io
import json

import pytest
from payment_service.domain.link_request import frozen_link_request, link_metadata
from payment_service.domain.stripe_answers import FailureKind, StripeFailure
from payment_service.domain.stripe_objects import LinkAtStripe
from payment_service.stripe_gateway import StripeGateway
from payment_tests.benches import SANDBOX_EXPIRED_KEY, SANDBOX_KEY, SandboxBench, access, sandbox_bench
from stripe_sandbox.testing import free_port

REQUEST = frozen_link_request(
    stripe_amount=12345,
    currency="EUR",
    invoice_number="INV-2026-0001",
    description="",
    return_url="",
    metadata=link_metadata(organization="org_1", invoice="inv_1", link="lnk_1", attempt=1),
)


async def _create(bench: SandboxBench, door: StripeGateway | None = None) -> LinkAtStripe:
    return await (door or bench.door).create_payment_link(bench.owner, request=REQUEST, idempotency_key="icl-lnk_1-1")


async def _posts(bench: SandboxBench) -> int:
    return len(await bench.look("log?method=POST&path=/v1/payment_links"))


async def _fault(bench: SandboxBench, **fault: object) -> None:
    await bench.control("faults", kind="api", method="POST", path="/v1/payment_links", **fault)


@pytest.mark.parametrize(
    ("fault", "kind"),
    [
        ({"status": 500}, FailureKind.SERVER_ERROR),
        ({"status": 503}, FailureKind.SERVER_ERROR),
        ({"status": 429}, FailureKind.BUSY),
        ({"status": 409}, FailureKind.CONFLICT),
        ({"drop": "before"}, FailureKind.UNKNOWN),
        ({"drop": "after"}, FailureKind.UNKNOWN),
    ],
)
async def test_a_fault_is_named_after_one_attempt_and_the_next_call_makes_one_link(
    fault: dict[str, object], kind: FailureKind
) -> None:
    async with sandbox_bench() as bench:
        await _fault(bench, **fault)

        with pytest.raises(StripeFailure) as failure:
            await _create(bench)

        assert failure.value.kind is kind
        assert await _posts(bench) == 1
        link = await _create(bench)
        assert [found.id async for found in bench.door.payment_links(bench.owner)] == [link.id]


async def test_a_saved_500_is_replayed_by_the_same_key() -> None:
    async with sandbox_bench() as bench:
        await _fault(bench, status=500, saved=True)
        for _ in range(3):
            with pytest.raises(StripeFailure) as failure:
                await _create(bench)
            assert failure.value.kind is FailureKind.SERVER_ERROR

        assert [found async for found in bench.door.payment_links(bench.owner)] == []


async def test_a_slow_answer_is_given_up_after_the_total_time() -> None:
    async with sandbox_bench() as bench:
        await _fault(bench, delay_seconds=5)
        hasty = StripeGateway(api_base=bench.running.url, requests_per_second=100, total_seconds=0.3)
        started = asyncio.get_running_loop().time()

        with pytest.raises(StripeFailure) as failure:
            await _create(bench, hasty)

        assert failure.value.kind is FailureKind.UNKNOWN
        assert asyncio.get_running_loop().time() - started < 3
        await hasty.close()


async def test_nobody_listening_is_an_unknown_outcome() -> None:
    gateway = StripeGateway(api_base=f"http://127.0.0.1:{free_port()}", requests_per_second=100)

    with pytest.raises(StripeFailure) as failure:
        await gateway.read_account(access(SANDBOX_KEY, "owner"))

    assert failure.value.kind is FailureKind.UNKNOWN
    await gateway.close()


async def test_an_expired_key_is_refused() -> None:
    async with sandbox_bench() as bench:
        with pytest.raises(StripeFailure) as failure:
            await bench.door.read_account(access(SANDBOX_EXPIRED_KEY, "expired"))

        assert failure.value.kind is FailureKind.KEY_REFUSED


async def test_calls_of_one_account_are_spaced_and_do_not_slow_another() -> None:
    async with sandbox_bench() as bench:
        gateway = StripeGateway(api_base=bench.running.url, requests_per_second=10)
        loop = asyncio.get_running_loop()
        started = loop.time()

        await asyncio.gather(*(gateway.read_account(bench.owner) for _ in range(6)))
        taken = loop.time() - started
        started = loop.time()
        await gateway.read_account(bench.other)

        assert taken >= 0.5
        assert loop.time() - started < 0.4
        await gateway.close()


async def test_the_frozen_request_arrives_as_it_was_frozen() -> None:
    async with sandbox_bench() as bench:
        await _create(bench)

        (entry,) = await bench.look("log?method=POST&path=/v1/payment_links")
        assert entry["idempotency_key"] == "icl-lnk_1-1"
        assert "lnk_1" in json.dumps(entry)


async def test_no_key_and_no_text_of_stripe_reaches_the_log_or_an_exception(log: io.StringIO) -> None:
    before = len(log.getvalue())
    async with sandbox_bench() as bench:
        await _create(bench)
        with pytest.raises(StripeFailure) as failure:
            await bench.door.read_account(access("sk_test_51WrongCanaryKey77", "nobody"))

    assert failure.value.__cause__ is None
    seen = log.getvalue()[before:] + repr(failure.value) + repr(bench.owner)
    assert "Canary" not in seen
    assert "Invalid API Key" not in seen
