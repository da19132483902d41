"""Faults in how secrets are kept: sealed under which key, bound to which row, and nowhere in the clear."""

from tests.planted_faults.planting import PlantedFault

PAYMENT = "services/payment-service"
NOTIFICATION = "services/notification-service"
ROTATION = "services/payment-service/tests/integration/test_master_key_rotation.py"
RACES = "services/payment-service/tests/integration/test_master_key_races.py"
MAILS = "services/notification-service/tests/integration/test_account_mails.py"
DOORS = "services/notification-service/tests/unit/test_account_secret_doors.py"

OF_SECRETS = (
    PlantedFault(
        name="a sealed text opens in every row",
        member=PAYMENT,
        file="src/payment_service/key_vault.py",
        find='    return f"{data_key.organization_id}|{purpose}|{data_key.key_id}|{row_id}"',
        replace='    return ""',
        caught_by="services/payment-service/tests/unit/test_key_vault.py"
        "::test_a_text_copied_to_another_row_does_not_open",
    ),
    PlantedFault(
        name="a master key is retired while it is needed",
        member=PAYMENT,
        file="src/payment_service/actions/rotate_master_key.py",
        find="            if wrapped:\n",
        replace="            if not kid:\n",
        caught_by=f"{ROTATION}::test_a_key_that_wraps_something_is_current_or_unknown_is_not_retired",
    ),
    PlantedFault(
        name="a data key is wrapped again without its lock",
        member=PAYMENT,
        file="src/payment_service/queries/data_keys.py",
        find="        .with_for_update()\n",
        replace="",
        caught_by=f"{RACES}::test_a_data_key_that_another_run_wraps_at_the_same_time_is_left_as_that_run_wrote_it",
    ),
    PlantedFault(
        name="a secret is stored under a key that goes",
        member=PAYMENT,
        file="src/payment_service/actions/open_access.py",
        find="    await hold_wrapping(session)\n",
        replace="",
        caught_by=f"{RACES}::test_a_secret_being_stored_while_a_key_is_retired_keeps_its_key",
    ),
    PlantedFault(
        name="every rotation makes another key",
        member=PAYMENT,
        file="src/payment_service/actions/rotate_master_key.py",
        find="if report.rewrapped or not",
        replace="if not",
        caught_by=f"{ROTATION}::test_a_rotation_killed_anywhere_is_finished_by_the_next_run_with_the_same_key",
    ),
    PlantedFault(
        name="a mail server's words are kept with the link in them",
        member=NOTIFICATION,
        file="src/notification_service/actions/send_mail.py",
        find="letter.kept(verdicts[address])",
        replace="verdicts[address]",
        caught_by=f"{MAILS}::test_no_row_no_log_line_and_no_event_holds_the_secret",
    ),
    PlantedFault(
        name="a mail may lead to another place",
        member=NOTIFICATION,
        file="src/notification_service/actions/write_mail.py",
        find="if origin(secret.url) != home",
        replace="if False and origin(secret.url) != home",
        caught_by=f"{MAILS}::test_an_address_at_another_place_than_the_sign_in_page_is_never_mailed",
    ),
    PlantedFault(
        name="a mailed link shows in a repr",
        member=NOTIFICATION,
        file="src/notification_service/account_secrets_gateway.py",
        find="url: str = field(repr=False)",
        replace="url: str",
        caught_by=f"{DOORS}::test_each_call_brings_another_address_with_its_end",
    ),
)
