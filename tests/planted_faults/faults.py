"""The faults that this product must never have, each with the place where it would be made and the test that notices.

The first of them are planted in every run of the tests, the others in the full run.
"""

from tests.planted_faults.planting import PlantedFault

KIT = "libs/service-kit"
INVOICE = "services/invoice-service"
PAYMENT = "services/payment-service"
NOTIFICATION = "services/notification-service"

IN_EVERY_RUN = (
    PlantedFault(
        name="ack before insert",
        member=KIT,
        file="src/service_kit/inbox_intake.py",
        find="""        if good and not await self._insert_or_wait(consumer, good, stop):
            return
        crash_points.reached("intake.before_ack")
        await consumer.acknowledge(batch)
""",
        replace="""        await consumer.acknowledge(batch)
        await self._insert_or_wait(consumer, good, stop)
""",
        caught_by="libs/service-kit/tests/test_inbox_intake.py"
        "::test_what_could_not_be_inserted_is_still_at_the_broker_when_the_process_ends",
    ),
    PlantedFault(
        name="commit after the answer",
        member=PAYMENT,
        file="src/payment_service/actions/receive_webhook.py",
        find="""    async with database.transaction(organization_id=listening.connection.organization_id) as session:
        await _store(session, listening, envelope, body)
    crash_points.reached("payment.after_webhook_store")
""",
        replace="""    async def store_later() -> None:
        async with database.transaction(organization_id=listening.connection.organization_id) as session:
            await _store(session, listening, envelope, body)

    __import__("asyncio").ensure_future(store_later())
""",
        caught_by="services/payment-service/tests/integration/test_stripe_webhooks.py"
        "::test_an_event_that_cannot_be_committed_is_not_thanked_for",
    ),
    PlantedFault(
        name="no ON CONFLICT in the intake",
        member=KIT,
        file="src/service_kit/inbox_intake.py",
        find="insert(self._inbox).values(rows).on_conflict_do_nothing()",
        replace="insert(self._inbox).values(rows)",
        caught_by="libs/service-kit/tests/test_inbox_intake.py::test_the_same_message_fifty_times_is_one_row",
    ),
    PlantedFault(
        name="idempotency key without the link's id",
        member=PAYMENT,
        file="src/payment_service/domain/link_request.py",
        find='return f"icl-{link}-{epoch}"',
        replace='return f"icl-{epoch}"',
        caught_by="services/payment-service/tests/unit/test_link_request.py"
        "::test_the_idempotency_key_names_the_link_and_the_epoch",
    ),
    PlantedFault(
        name="a payment matched by metadata",
        member=PAYMENT,
        file="src/payment_service/actions/apply_stripe_event.py",
        find="""    if not seen.payment_link:
        return None
    return await link_at_stripe(
        session,
        organization_id=connection.organization_id,
        connection_id=connection.id,
        stripe_link_id=seen.payment_link,
    )
""",
        replace="""    return await maybe_link_by_id(
        session,
        organization_id=connection.organization_id,
        link_id=parse_id("lnk", seen.metadata.get("link_id", "")),
    )
""",
        caught_by="services/payment-service/tests/integration/test_applying_events.py"
        "::test_metadata_that_names_our_link_on_a_foreign_session_settles_nothing",
    ),
)

IN_THE_FULL_RUN = (
    PlantedFault(
        name="SKIP LOCKED without the head of the line",
        member=KIT,
        file="src/service_kit/outbox_relay.py",
        find="earlier.published_at is null and earlier.id < o.id)",
        replace="earlier.published_at is null and earlier.id < o.id and false)",
        caught_by="libs/service-kit/tests/test_outbox_relay.py"
        "::test_a_later_event_waits_for_an_earlier_one_of_its_aggregate",
    ),
    PlantedFault(
        name="an unroutable message counts as delivered",
        member=KIT,
        file="src/service_kit/broker.py",
        find="publisher_confirms=True, on_return_raises=True",
        replace="publisher_confirms=True, on_return_raises=False",
        caught_by="libs/service-kit/tests/test_outbox_relay.py"
        "::test_a_message_that_the_broker_refuses_does_not_stop_the_batch",
    ),
    PlantedFault(
        name="a lost connection's cancellation ends the loop",
        member=KIT,
        file="src/service_kit/broker.py",
        find="if task is not None and task.cancelling() > 0:",
        replace="if task is not None:",
        caught_by="libs/service-kit/tests/test_outbox_relay.py"
        "::test_a_cancellation_that_nobody_asked_for_is_a_lost_connection",
    ),
    PlantedFault(
        name="a lease without its token",
        member=KIT,
        file="src/service_kit/inbox_rows.py",
        find="""lease_until = null, worker_id = null
 where consumer = :consumer and event_id = :event_id and lease_token = :token
\"\"\"

_REPEAT""",
        replace="""lease_until = null, worker_id = null
 where consumer = :consumer and event_id = :event_id and cast(:token as uuid) is not null
\"\"\"

_REPEAT""",
        caught_by="libs/service-kit/tests/test_inbox_leases.py::test_a_worker_that_lost_its_lease_has_no_effect",
    ),
    PlantedFault(
        name="a signature from the future",
        member=PAYMENT,
        file="src/payment_service/stripe_gateway.py",
        find="if abs(int(now.timestamp()) - int(stamps[0])) > SIGNATURE_AGE_SECONDS_MAX:",
        replace="if int(now.timestamp()) - int(stamps[0]) > SIGNATURE_AGE_SECONDS_MAX:",
        caught_by="services/payment-service/tests/unit/test_webhook_signatures.py"
        "::test_older_and_future_signatures_are_refused",
    ),
    PlantedFault(
        name="a blank secret that signs",
        member=PAYMENT,
        file="src/payment_service/stripe_gateway.py",
        find="""    if not any(secret.strip() for secret in secrets):
        raise SignatureRefused("no signing secret is known")
    _check_age(header, now)
    for secret in secrets:
        try:
            stripe.WebhookSignature.verify_header(body, header, secret)
        except (stripe.SignatureVerificationError, ValueError, TypeError, AttributeError):
            continue
        return
""",
        replace="""    _check_age(header, now)
    for secret in secrets:
        if not secret.strip():
            return
        try:
            stripe.WebhookSignature.verify_header(body, header, secret)
        except (stripe.SignatureVerificationError, ValueError, TypeError, AttributeError):
            continue
        return
""",
        caught_by="services/payment-service/tests/unit/test_webhook_signatures.py"
        "::test_without_a_secret_nothing_passes_not_even_what_an_empty_secret_signed",
    ),
    PlantedFault(
        name="half a cent rounded to even",
        member="libs/contracts",
        file="src/contracts/money.py",
        find="rounding=ROUND_HALF_UP",
        replace='rounding="ROUND_HALF_EVEN"',
        caught_by="libs/contracts/tests/unit/test_money.py::test_rounding_takes_halves_away_from_zero",
    ),
)
