"""Faults in what holds for all operations, all pages and all ways to set a password."""

from tests.planted_faults.planting import PlantedFault

INVOICE = "services/invoice-service"
_TESTS = "services/invoice-service/tests/integration"
OPERATIONS = f"{_TESTS}/test_operations_of_people.py"
PAGES = f"{_TESTS}/test_what_pages_give_away.py"
PASSWORDS = f"{_TESTS}/test_ways_to_set_a_password.py"
WAYS_IN = "tests/walls/test_every_way_in.py"

OF_EVERY_WAY_IN = (
    PlantedFault(
        name="a private route asks for no token",
        member=INVOICE,
        file="src/invoice_service/api/internal_account_mails.py",
        find="caller: Annotated[ServiceCaller, Depends(calling_service)], response",
        replace="response",
        caught_by=WAYS_IN + "::test_nobody_passes_a_private_door_without_a_service_token[]",
    ),
    PlantedFault(
        name="a route that nobody listed",
        member=INVOICE,
        file="src/invoice_service/api/customer_page.py",
        find='@router.get("/i/{token}/pay")',
        replace='@router.get("/peek/{token}")\n@router.get("/i/{token}/pay")',
        caught_by=WAYS_IN + "::test_every_route_is_in_one_of_the_ways_in",
    ),
    PlantedFault(
        name="an answer has a field that is not described",
        member=INVOICE,
        file="src/invoice_service/api/api_keys.py",
        find="    last4: str\n",
        replace='    last4: str\n    fingerprint: str = "x"\n',
        caught_by=OPERATIONS
        + "::test_an_answer_says_its_type_and_holds_the_described_fields_and_no_other[list_api_keys]",
    ),
    PlantedFault(
        name="every reading writes",
        member=INVOICE,
        file="src/invoice_service/api/person_sessions.py",
        find="if facts.now - facts.last_seen_at >= SEEN_NOTED_EVERY:",
        replace="if True:",
        caught_by=OPERATIONS + "::test_reading_changes_no_row[list_customers]",
    ),
    PlantedFault(
        name="a change of password asks no rule",
        member=INVOICE,
        file="src/invoice_service/actions/people/change_password.py",
        find="stored = await hash_new_password(\n"
        "            desk, password=wanted, email=email, name=name, organizations=known, pointer=pointer\n        )",
        replace="stored = await desk.passwords.hash(wanted)",
        caught_by=PASSWORDS + "::test_no_way_takes_a_password_that_breaks_a_rule[change]",
    ),
    PlantedFault(
        name="a reset forgets the organisation's name",
        member=INVOICE,
        file="src/invoice_service/actions/people/reset_password.py",
        find="organizations=offer.organizations\n",
        replace="organizations=[]\n",
        caught_by=PASSWORDS + "::test_no_way_takes_a_password_that_breaks_a_rule[reset]",
    ),
    PlantedFault(
        name="passwords are cut",
        member=INVOICE,
        file="src/invoice_service/password_gateway.py",
        find="        return _ARGON2.verify(stored, password)",
        replace="        return _ARGON2.verify(stored, password[:128])",
        caught_by=PASSWORDS
        + "::test_every_way_takes_every_other_password_and_it_signs_in_as_it_was_typed[change-as long as can be]",
    ),
    PlantedFault(
        name="opening a link signs in",
        member=INVOICE,
        file="src/invoice_service/api/mailed_link_pages.py",
        find="    return _reset_page(request, parts, secret, offer)\n",
        replace='    answer = _reset_page(request, parts, secret, offer)\n    set_cookie(answer, parts, text="x")\n'
        "    return answer\n",
        caught_by=PAGES + "::test_no_get_signs_anybody_in",
    ),
    PlantedFault(
        name="an address can be changed with a role",
        member=INVOICE,
        file="src/invoice_service/api/members.py",
        find="class RoleChange(Request):\n",
        replace='class RoleChange(Request):\n    email: str = ""\n',
        caught_by=PAGES + "::test_nobodys_address_is_changed_by_a_form_or_a_request",
    ),
)
