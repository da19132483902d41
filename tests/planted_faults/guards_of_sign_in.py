"""Faults in how people prove who they are: passwords, sign-in, sessions, mailed links, forms."""

from tests.planted_faults.planting import PlantedFault

INVOICE = "services/invoice-service"
ANSWER_TIMES = f"{INVOICE}/tests/integration/test_answer_times.py"
PEOPLE_ACCOUNT = f"{INVOICE}/tests/integration/test_people_account.py"
PEOPLE_FORMS = f"{INVOICE}/tests/integration/test_people_forms.py"
PEOPLE_INVITATIONS = f"{INVOICE}/tests/integration/test_people_invitations.py"
PEOPLE_LINKS = f"{INVOICE}/tests/integration/test_people_links.py"
PEOPLE_SIGN_IN = f"{INVOICE}/tests/integration/test_people_sign_in.py"
PEOPLE_THROTTLE = f"{INVOICE}/tests/integration/test_people_throttle.py"
PEOPLE_PASSWORDS_RULES = f"{INVOICE}/tests/unit/test_people_passwords.py"

OF_SIGN_IN = (
    PlantedFault(
        name="presented session not ended",
        member=INVOICE,
        file="src/invoice_service/actions/people/open_session.py",
        find="""    if not is_secret_text(Purpose.SESSION, text):
        return
""",
        replace="    return\n",
        caught_by=f"{PEOPLE_SIGN_IN}::test_signing_in_again_ends_the_session_that_came_along",
    ),
    PlantedFault(
        name="dummy hash skipped",
        member=INVOICE,
        file="src/invoice_service/actions/people/prove_password.py",
        find="    right = await desk.passwords.verify(password=password, stored=stored)\n",
        replace="    right = stored is not None and await desk.passwords.verify(password=password, stored=stored)\n",
        caught_by=f"{PEOPLE_SIGN_IN}::test_every_refusal_is_the_same_and_costs_the_same",
    ),
    PlantedFault(
        name="password changed meanwhile",
        member=INVOICE,
        file="src/invoice_service/actions/people/prove_password.py",
        find=" or person.password_hash != proven.user.password_hash",
        replace="",
        caught_by=f"{PEOPLE_SIGN_IN}::test_a_password_that_changes_while_it_is_checked_signs_nobody_in",
    ),
    PlantedFault(
        name="throttle skips unknown",
        member=INVOICE,
        file="src/invoice_service/actions/people/prove_password.py",
        find="        await count_tries(session, tries=tries, now=now)\n",
        replace="""        if user is not None:
            await count_tries(session, tries=tries, now=now)
""",
        caught_by=f"{PEOPLE_THROTTLE}::test_unknown_accounts_are_throttled_alike",
    ),
    PlantedFault(
        name="passwords judged without a limit",
        member=INVOICE,
        file="src/invoice_service/api/request_limits.py",
        find="    await limits.limiter.hit(policy=limits.of_password, key=_network(request))\n",
        replace="",
        caught_by=f"{PEOPLE_THROTTLE}::test_refused_passwords_are_judged_so_often_a_minute_from_one_network",
    ),
    PlantedFault(
        name="home exemption off",
        member=INVOICE,
        file="src/invoice_service/actions/people/prove_password.py",
        find="binding=not at_home",
        replace="binding=True",
        caught_by=f"{PEOPLE_THROTTLE}::test_many_addresses_cannot_try_one_account_but_its_person_still_comes_in",
    ),
    PlantedFault(
        name="tries not locked",
        member=INVOICE,
        file="src/invoice_service/queries/sign_in_failures.py",
        find="    found = (await run_sql(session, held)).all()\n",
        replace="""    await run_sql(session, made.on_conflict_do_nothing())
    seen = sa.select(SignInFailures.__table__).where(col(SignInFailures.subject).in_(wanted))
    found = (await run_sql(session, seen)).all()
""",
        caught_by=f"{PEOPLE_THROTTLE}::test_a_burst_counts_like_a_row",
    ),
    PlantedFault(
        name="success does not clear",
        member=INVOICE,
        file="src/invoice_service/domain/sign_in_limits.py",
        find="    failures = 0 if limit.kind == PAIR.kind else max(0, standing.failures - 1)\n",
        replace="    failures = standing.failures\n",
        caught_by=f"{PEOPLE_THROTTLE}::test_success_clears_the_pair",
    ),
    PlantedFault(
        name="next open redirect",
        member=INVOICE,
        file="src/invoice_service/api/form_requests.py",
        find=' and not text.startswith("//")',
        replace="",
        caught_by=f"{PEOPLE_SIGN_IN}::test_next_leads_only_to_paths_of_our_own",
    ),
    PlantedFault(
        name="next backslash",
        member=INVOICE,
        file="src/invoice_service/api/form_requests.py",
        find=' and "\\\\" not in text',
        replace="",
        caught_by=f"{PEOPLE_SIGN_IN}::test_next_leads_only_to_paths_of_our_own",
    ),
    PlantedFault(
        name="cookie without HttpOnly",
        member=INVOICE,
        file="src/invoice_service/api/session_cookie.py",
        find="""secure=parts.accounts.secure, httponly=True, samesite="lax")


def clear""",
        replace="""secure=parts.accounts.secure, samesite="lax")


def clear""",
        caught_by=f"{PEOPLE_SIGN_IN}::test_the_cookie_is_for_this_host_alone_and_out_of_reach_of_scripts",
    ),
    PlantedFault(
        name="form CSRF not checked",
        member=INVOICE,
        file="src/invoice_service/api/form_requests.py",
        find="    if cookie.is_new or not parts.accounts.secrets.matches(Purpose.FORM",
        replace="    if False and not parts.accounts.secrets.matches(Purpose.FORM",
        caught_by=f"{PEOPLE_FORMS}::test_no_form_works_without_the_token_of_this_browser",
    ),
    PlantedFault(
        name="forgot form unchecked",
        member=INVOICE,
        file="src/invoice_service/api/sign_in_pages.py",
        find="""async def take_forgot(request: Request, parts: Parts, form: Form) -> Response:
    check_form(request, parts, form)
""",
        replace="async def take_forgot(request: Request, parts: Parts, form: Form) -> Response:\n",
        caught_by=f"{PEOPLE_FORMS}::test_no_form_works_without_the_token_of_this_browser",
    ),
    PlantedFault(
        name="session CSRF not checked",
        member=INVOICE,
        file="src/invoice_service/api/form_requests.py",
        find="""    if not parts.accounts.secrets.matches(Purpose.CSRF, person.text, form.get("csrf_token", "")):
        raise RequestForged("open the page again")
""",
        replace="",
        caught_by=f"{PEOPLE_ACCOUNT}::test_no_form_works_without_the_token_of_its_own_session",
    ),
    PlantedFault(
        name="origin not checked on session forms",
        member=INVOICE,
        file="src/invoice_service/api/form_requests.py",
        find='    """Raises `RequestForged`."""\n    check_origin(request, parts)\n',
        replace='    """Raises `RequestForged`."""\n',
        caught_by=f"{PEOPLE_ACCOUNT}::test_no_form_works_without_the_token_of_its_own_session",
    ),
    PlantedFault(
        name="other sessions not ended",
        member=INVOICE,
        file="src/invoice_service/actions/people/set_password.py",
        find="    await mark_sessions_ended(session, user_id=person.id, now=now)\n",
        replace="",
        caught_by=f"{PEOPLE_ACCOUNT}::test_a_new_password_ends_all_other_sessions_rotates_this_one_and_tells_the_person",
    ),
    PlantedFault(
        name="session not rotated (cookie not set)",
        member=INVOICE,
        file="src/invoice_service/api/account_page.py",
        find="""    response = go_to("/account?done=password")
    set_cookie(response, parts, text=text)
""",
        replace='    response = go_to("/account?done=password")\n',
        caught_by=f"{PEOPLE_ACCOUNT}::test_a_new_password_ends_all_other_sessions_rotates_this_one_and_tells_the_person",
    ),
    PlantedFault(
        name="no notice mail",
        member=INVOICE,
        file="src/invoice_service/actions/people/change_password.py",
        find="        await tell_of_new_password(session, desk, person=person, memberships=current, now=now)\n",
        replace="",
        caught_by=f"{PEOPLE_ACCOUNT}::test_a_new_password_ends_all_other_sessions_rotates_this_one_and_tells_the_person",
    ),
    PlantedFault(
        name="stale end without password",
        member=INVOICE,
        file="src/invoice_service/api/account_page.py",
        find="    if await _is_stale(parts, person):\n",
        replace="    if False:\n",
        caught_by=f"{PEOPLE_ACCOUNT}::test_ending_sessions_long_after_signing_in_needs_the_password",
    ),
    PlantedFault(
        name="GET consumes",
        member=INVOICE,
        file="src/invoice_service/actions/people/reset_password.py",
        find="        facts = await open_account_secret(session, purpose",
        replace="        facts = await use_account_secret(session, purpose",
        caught_by=f"{PEOPLE_LINKS}::test_looking_at_a_link_changes_nothing",
    ),
    PlantedFault(
        name="refused sign-in answers at once",
        member=INVOICE,
        file="src/invoice_service/api/sign_in_pages.py",
        find="    except SignInRefused:\n        await wait_for_answer(earliest)\n",
        replace="    except SignInRefused:\n",
        caught_by=f"{ANSWER_TIMES}::test_a_refused_sign_in_takes_its_least_time_and_is_noted_when_it_is_answered[unknown]",
    ),
    PlantedFault(
        name="reset tells who exists",
        member=INVOICE,
        file="src/invoice_service/api/sign_in_pages.py",
        find="page(write_said(CHECK_MAIL))\n",
        replace='page(write_said(CHECK_MAIL), status=200 if "@nordlicht" in form.get("email", "") else 404)\n',
        caught_by=f"{PEOPLE_LINKS}::test_asking_gets_the_same_answer_for_everybody_and_mails_only_those_who_exist",
    ),
    PlantedFault(
        name="mail to disabled",
        member=INVOICE,
        file="src/invoice_service/actions/people/reset_password.py",
        find="            if user is not None and user.disabled_at is None:\n",
        replace="            if user is not None:\n",
        caught_by=f"{PEOPLE_LINKS}::test_asking_gets_the_same_answer_for_everybody_and_mails_only_those_who_exist",
    ),
    PlantedFault(
        name="password stripped",
        member=INVOICE,
        file="src/invoice_service/actions/people/prove_password.py",
        find="verify(password=password, stored",
        replace="verify(password=password.strip(), stored",
        caught_by=f"{PEOPLE_SIGN_IN}::test_passwords_are_taken_exactly_as_they_were_typed",
    ),
    PlantedFault(
        name="known list off",
        member=INVOICE,
        file="src/invoice_service/password_gateway.py",
        find="        if known_digest(password) in _known():\n",
        replace="        if False:\n",
        caught_by=f"{PEOPLE_PASSWORDS_RULES}::test_what_was_published_is_refused_however_random_it_looks",
    ),
    PlantedFault(
        name="context words off",
        member=INVOICE,
        file="src/invoice_service/password_gateway.py",
        find="_guesses(password, context)",
        replace="_guesses(password, ())",
        caught_by=f"{PEOPLE_PASSWORDS_RULES}::test_what_is_hard_to_guess_for_others_is_easy_for_this_person",
    ),
    PlantedFault(
        name="hash on the loop",
        member=INVOICE,
        file="src/invoice_service/password_gateway.py",
        find="        return await asyncio.get_running_loop().run_in_executor(self._threads, work)\n",
        replace="        return work()\n",
        caught_by=f"{PEOPLE_PASSWORDS_RULES}::test_a_flood_of_checks_leaves_the_loop_free_and_runs_two_at_a_time",
    ),
    PlantedFault(
        name="invitation keeps old session",
        member=INVOICE,
        file="src/invoice_service/actions/people/accept_invitation.py",
        find="        await end_presented(session, secrets=desk.secrets, text=given.presented, now=now)\n",
        replace="",
        caught_by=f"{PEOPLE_INVITATIONS}::test_signed_in_as_somebody_else_the_invited_person_is_who_joins",
    ),
    PlantedFault(
        name="invitation without password of account",
        member=INVOICE,
        file="src/invoice_service/actions/people/accept_invitation.py",
        find="            has_password=user is not None and user.password_hash is not None,\n",
        replace="            has_password=False,\n",
        caught_by=f"{PEOPLE_INVITATIONS}::test_somebody_known_proves_to_be_that_person",
    ),
    PlantedFault(
        name="escaping off",
        member=INVOICE,
        file="src/invoice_service/page_writing.py",
        find="        autoescape=True,\n",
        replace="        autoescape=False,\n",
        caught_by=f"{PEOPLE_FORMS}::test_what_was_typed_is_text_and_never_markup",
    ),
    PlantedFault(
        name="sign-out only cookie",
        member=INVOICE,
        file="src/invoice_service/api/sign_in_pages.py",
        find="await sign_out(desk_of(parts), user_id=person.user_id, session_id=person.session_id, actor=actor)\n",
        replace="pass\n",
        caught_by=f"{PEOPLE_SIGN_IN}::test_a_person_signs_in_sees_where_they_belong_and_signs_out",
    ),
    PlantedFault(
        name="made-up sessions not counted on pages",
        member=INVOICE,
        file="src/invoice_service/api/person_sessions.py",
        find="""    if person is None:
        await limit_stranger(request, parts, failed=True)
""",
        replace="",
        caught_by=f"{PEOPLE_FORMS}::test_made_up_sessions_are_counted_and_soon_not_looked_up[/account-303]",
    ),
    PlantedFault(
        name="idle limit off",
        member=INVOICE,
        file="src/invoice_service/api/person_sessions.py",
        find="        if facts.now >= min(facts.expires_at, idle_end):\n",
        replace="        if facts.now >= facts.expires_at:\n",
        caught_by=f"{PEOPLE_SIGN_IN}::test_an_idle_session_ends_and_use_keeps_it_alive",
    ),
    PlantedFault(
        name="lifetime off",
        member=INVOICE,
        file="src/invoice_service/api/person_sessions.py",
        find="        if facts.now >= min(facts.expires_at, idle_end):\n",
        replace="        if facts.now >= idle_end:\n",
        caught_by=f"{PEOPLE_SIGN_IN}::test_no_use_keeps_a_session_beyond_its_lifetime",
    ),
    PlantedFault(
        name="rehash off",
        member=INVOICE,
        file="src/invoice_service/actions/people/prove_password.py",
        find="if desk.passwords.is_outdated(stored) else None",
        replace="if False else None",
        caught_by=f"{PEOPLE_SIGN_IN}::test_an_old_hash_signs_in_and_is_replaced",
    ),
    PlantedFault(
        name="sessions unbounded",
        member=INVOICE,
        file="src/invoice_service/actions/people/open_session.py",
        find="    for row in alive[SESSIONS_MAX - 1 :]:\n",
        replace="    for row in alive[1000:]:\n",
        caught_by=f"{PEOPLE_SIGN_IN}::test_the_twenty_first_session_ends_the_one_used_longest_ago",
    ),
    PlantedFault(
        name="links unthrottled",
        member=INVOICE,
        file="src/invoice_service/api/mailed_link_pages.py",
        find="    await note_dead_link(desk_of(parts), address=origin_of_request(request).address)\n",
        replace="",
        caught_by=f"{PEOPLE_THROTTLE}::test_links_that_open_nothing_are_throttled_and_good_ones_are_not",
    ),
)
