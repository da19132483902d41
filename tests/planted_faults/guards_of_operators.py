"""Faults in what stops a bad start, in what service tokens are believed, and in what operators do to people."""

from tests.planted_faults.planting import PlantedFault

KIT = "libs/service-kit"
INVOICE = "services/invoice-service"
PAYMENT = "services/payment-service"
TOKENS = "libs/service-kit/tests/test_service_tokens.py"
KIT_SETTINGS = "libs/service-kit/tests/test_settings.py"
SETTINGS = "services/invoice-service/tests/unit/test_settings.py"
OPERATORS = "services/invoice-service/tests/integration/test_operator_commands.py"

OF_OPERATORS = (
    PlantedFault(
        name="a service token may be of any type",
        member=KIT,
        file="src/service_kit/service_tokens.py",
        find="kind != TYPE or ",
        replace="",
        caught_by=f"{TOKENS}::test_what_knows_the_secret_but_breaks_the_form_is_refused[the type of another token]",
    ),
    PlantedFault(
        name="a service token brings its own key",
        member=KIT,
        file="src/service_kit/service_tokens.py",
        find='    key = keys.get(str(signed.headers().get("kid")))\n',
        replace='    brought = signed.headers().get("jwk")\n'
        '    key = OctKey.import_key(brought) if brought else keys.get(str(signed.headers().get("kid")))\n',
        caught_by=f"{TOKENS}::test_no_header_brings_the_key_that_a_token_is_checked_with[jwk]",
    ),
    PlantedFault(
        name="production starts with the secrets of an example",
        member=KIT,
        file="src/service_kit/settings.py",
        find="            _refuse_what_an_example_left(self)\n",
        replace="            pass\n",
        caught_by=f"{KIT_SETTINGS}::test_production_does_not_start_with_a_secret_that_an_example_left_there",
    ),
    PlantedFault(
        name="secrets of one repeated letter are taken",
        member=KIT,
        file="src/service_kit/settings.py",
        find="len(set(text)) < DIFFERENT_CHARACTERS_MIN",
        replace="not text",
        caught_by=f"{KIT_SETTINGS}::test_production_does_not_start_with_a_secret_that_an_example_left_there",
    ),
    PlantedFault(
        name="passwords in addresses are not looked at",
        member=KIT,
        file="src/service_kit/settings.py",
        find="        if not field.repr and any(",
        replace='        if not field.repr and not name.endswith("_url") and any(',
        caught_by=f"{KIT_SETTINGS}::test_production_does_not_start_with_a_password_that_was_never_filled_in",
    ),
    PlantedFault(
        name="two purposes share a secret",
        member=KIT,
        file="src/service_kit/settings.py",
        find="if seen.setdefault(each, variable) != variable:",
        replace="if seen.setdefault(each, variable) is None:",
        caught_by=f"{KIT_SETTINGS}::test_no_environment_starts_with_one_secret_for_two_purposes",
    ),
    PlantedFault(
        name="sessions and keys share a secret",
        member=INVOICE,
        file="src/invoice_service/settings.py",
        find='"payment_token_secret", *ours)',
        replace='"payment_token_secret", *ours[:2])',
        caught_by=f"{SETTINGS}::test_each_secret_has_a_value_of_its_own",
    ),
    PlantedFault(
        name="production serves people by plain http",
        member=INVOICE,
        file="src/invoice_service/settings.py",
        find='urlsplit(self.public_url).scheme != "https"',
        replace="not self.public_url",
        caught_by=f"{SETTINGS}::test_a_setting_that_is_not_safe_is_refused_by_its_name",
    ),
    PlantedFault(
        name="production takes this machine for its address",
        member=INVOICE,
        file="src/invoice_service/settings.py",
        find='if self.environment is Environment.PRODUCTION and "public_url" not in self.model_fields_set:',
        replace="if not self.public_url:",
        caught_by=f"{SETTINGS}::test_production_guesses_no_address_of_its_own",
    ),
    PlantedFault(
        name="webhooks come by plain http in capitals",
        member=PAYMENT,
        file="src/payment_service/settings.py",
        find='urlsplit(given).scheme != "https"',
        replace='given.startswith("http:")',
        caught_by="services/payment-service/tests/unit/test_settings.py::test_production_takes_webhooks_by_https_only",
    ),
    PlantedFault(
        name="only the first organisation is told",
        member=INVOICE,
        file="src/invoice_service/actions/people/audit_person.py",
        find="    for membership in memberships:\n",
        replace="    for membership in memberships[:1]:\n",
        caught_by=f"{OPERATORS}::test_every_organisation_of_the_person_is_told_who_did_it_and_why",
    ),
    PlantedFault(
        name="an operator's reason is not kept",
        member=INVOICE,
        file="src/invoice_service/actions/people/disable_person.py",
        find='"reason": reason,',
        replace='"reason": "",',
        caught_by=f"{OPERATORS}::test_every_organisation_of_the_person_is_told_who_did_it_and_why",
    ),
    PlantedFault(
        name="any reason will do",
        member=INVOICE,
        file="src/invoice_service/cli_commands.py",
        find="    if not REASON_MIN <= len(plain) <= REASON_MAX or not plain.isprintable():\n",
        replace="    if not plain.isprintable():\n",
        caught_by=f"{OPERATORS}::test_nothing_runs_without_a_reason_that_can_be_read_later",
    ),
    PlantedFault(
        name="everybody is one person",
        member=INVOICE,
        file="src/invoice_service/queries/people_overview.py",
        find="select(User.id).order_by(col(User.id))",
        replace="select(User.id).order_by(col(User.id)).limit(1)",
        caught_by=f"{OPERATORS}::test_sessions_of_everybody_end_at_once_and_each_organisation_is_told",
    ),
    PlantedFault(
        name="everybody is asked for with the app's role",
        member=INVOICE,
        file="src/invoice_service/cli_people.py",
        find='role=OWNER if wanted.all else "database_url"',
        replace='role="database_url"',
        caught_by=f"{OPERATORS}::test_a_command_for_everybody_needs_the_owner_of_the_schema",
    ),
)
