"""Faults by which a secret would come to lie in a dump, a log, a message or an answer of the whole running product."""

from tests.planted_faults.planting import PlantedFault

INVOICE = "services/invoice-service"
PAYMENT = "services/payment-service"
STORY = "tests/journeys/test_no_secret_is_left_lying.py"

OF_SILENCE = (
    PlantedFault(
        name="mailed secrets and sessions are stored under a bare hash",
        member=INVOICE,
        file="src/invoice_service/domain/account_secrets.py",
        find='return hmac.digest(self.key.encode(), f"{purpose}:{text}".encode(), hashlib.sha256)',
        replace="return hashlib.sha256(text.encode()).digest()",
        caught_by=f"{STORY}::test_no_row_and_no_dump_of_the_database_holds_a_secret",
    ),
    PlantedFault(
        name="an account's name brings the end of its key",
        member=PAYMENT,
        file="src/payment_service/actions/connect_account.py",
        find="connection.account_name = account.name",
        replace='connection.account_name = f"{account.name} {candidate.secret_key[-20:]}"',
        caught_by=f"{STORY}::test_no_message_holds_a_secret",
    ),
    PlantedFault(
        name="the page repeats the wrong password",
        member=INVOICE,
        file="src/invoice_service/api/sign_in_pages.py",
        find="email=email, next_path=target, problem=_WRONG, status=401",
        replace='email=email + form.get("password", ""), next_path=target, status=401',
        caught_by=f"{STORY}::test_answers_hold_only_the_secrets_that_they_are_to_give",
    ),
)
