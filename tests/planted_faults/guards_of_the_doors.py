"""Faults in what stands between the outside and the services, and between services: limits, tokens, broker users."""

from tests.planted_faults.planting import PlantedFault

KIT = "libs/service-kit"
PAYMENT = "services/payment-service"
TESTS = "libs/service-kit/tests"
TOKENS = f"{TESTS}/test_service_tokens.py"
USERS = f"{TESTS}/test_broker_users.py"
REFUSED = f"{TOKENS}::test_a_token_that_is_not_ours_for_us_and_alive_is_refused"
WEBHOOKS = "services/payment-service/tests/integration/test_stripe_webhooks.py"

OF_THE_DOORS = (
    PlantedFault(
        name="a service token's issuer is not checked",
        member=KIT,
        file="src/service_kit/service_tokens.py",
        find=" or caller.issuer not in issuers or not alive",
        replace=" or not alive",
        caught_by=f"{REFUSED}[issuer]",
    ),
    PlantedFault(
        name="a service token's audience is not checked",
        member=KIT,
        file="src/service_kit/service_tokens.py",
        find='claims.get("aud") != audience or ',
        replace="",
        caught_by=f"{REFUSED}[audience]",
    ),
    PlantedFault(
        name="a service token's end is not checked",
        member=KIT,
        file="src/service_kit/service_tokens.py",
        find="caller.issuer not in issuers or not alive",
        replace="caller.issuer not in issuers",
        caught_by=f"{REFUSED}[expired]",
    ),
    PlantedFault(
        name="a service token says how long it lives",
        member=KIT,
        file="src/service_kit/service_tokens.py",
        find="min(expires, issued + LIFETIME_SECONDS)",
        replace="expires",
        caught_by=f"{TOKENS}::test_what_knows_the_secret_but_breaks_the_form_is_refused[a day of life]",
    ),
    PlantedFault(
        name="only the first secret of a list verifies",
        member=KIT,
        file="src/service_kit/service_tokens.py",
        find="for each in listed_secrets(secret)}",
        replace="for each in listed_secrets(secret)[:1]}",
        caught_by=f"{TOKENS}::test_a_secret_is_replaced_without_a_refused_call",
    ),
    PlantedFault(
        name="a service writes to every exchange",
        member=KIT,
        file="src/service_kit/broker_users.py",
        find='write=f"{exchange}|{canary}"',
        replace='write=".*"',
        caught_by=f"{USERS}::test_a_service_may_not[publish to another's exchange]",
    ),
    PlantedFault(
        name="a service says another's events",
        member=KIT,
        file="src/service_kit/broker_users.py",
        find='topic_write=_beginning_with(f"{short_name(service)}.")',
        replace='topic_write=".*"',
        caught_by=f"{USERS}::test_a_service_may_not[publish another's event to its own]",
    ),
    PlantedFault(
        name="a service reads every queue",
        member=KIT,
        file="src/service_kit/broker_users.py",
        find='read=f"{exchange}|{canary}|{inbox}|{dead}"',
        replace='read=".*"',
        caught_by=f"{USERS}::test_a_service_may_not[consume another's inbox]",
    ),
    PlantedFault(
        name="an event is believed by its headers",
        member=KIT,
        file="src/service_kit/inbox_messages.py",
        find="    if road not in (None, Road(short_name(CATALOGUE[envelope.type].owner), envelope.type)):\n",
        replace="    if False:\n",
        caught_by=f"{TESTS}/test_roads.py"
        "::test_a_forged_event_is_never_worked_off_not_even_by_replaying_it[by another service's exchange]",
    ),
    PlantedFault(
        name="an untrusted proxy names the client",
        member=KIT,
        file="src/service_kit/client_address.py",
        find="for part in reversed(list(said)):",
        replace="for part in list(said):",
        caught_by=f"{TESTS}/test_client_address.py::test_only_what_trusted_proxies_added_counts",
    ),
    PlantedFault(
        name="the server believes forwarded addresses",
        member=KIT,
        file="src/service_kit/http.py",
        find="            proxy_headers=False,\n",
        replace="",
        caught_by=f"{TESTS}/test_http_connections.py::test_the_server_itself_believes_no_forwarded_address",
    ),
    PlantedFault(
        name="a limit that never refuses",
        member=KIT,
        file="src/service_kit/rate_limits.py",
        find="        if not within:",
        replace="        if False:",
        caught_by=f"{TESTS}/test_rate_limits.py::test_what_is_left_counts_down_to_a_refusal_that_says_how_long_to_wait",
    ),
    PlantedFault(
        name="every origin is let in",
        member=KIT,
        file="src/service_kit/cross_origin.py",
        find="allow_origins=origins,",
        replace='allow_origins=("*",),',
        caught_by=f"{TESTS}/test_cross_origin.py::test_every_other_origin_gets_no_leave_and_learns_nothing",
    ),
    PlantedFault(
        name="the last of two equal names wins",
        member=KIT,
        file="src/service_kit/json_bodies.py",
        find="    if len(read) != len(pairs):",
        replace="    if False:",
        caught_by=f"{TESTS}/test_field_errors.py::test_a_body_that_two_readers_could_read_differently_is_refused",
    ),
    PlantedFault(
        name="a body may drip for ever",
        member=KIT,
        file="src/service_kit/request_guard.py",
        find="asyncio.timeout(self.door.body_seconds)",
        replace="asyncio.timeout(None)",
        caught_by=f"{TESTS}/test_http_connections.py::test_a_body_that_drips_is_given_up",
    ),
    PlantedFault(
        name="what Stripe signed counts as a stranger's",
        member=PAYMENT,
        file="src/payment_service/api/stripe_webhooks.py",
        find='if "v1=" not in signature:',
        replace="if True:",
        caught_by=f"{WEBHOOKS}::test_a_flood_of_what_nobody_signed_is_refused_while_what_stripe_signed_passes",
    ),
)
