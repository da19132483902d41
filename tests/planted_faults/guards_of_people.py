"""Faults in who may come in and what they may do: roles, members, invitations, sessions at the door."""

from tests.planted_faults.planting import PlantedFault

INVOICE = "services/invoice-service"
_TESTS = "services/invoice-service/tests/integration"
ACCOUNT_MAIL_NEWS = f"{_TESTS}/test_account_mail_news.py"
ACCOUNT_MAILS = f"{_TESTS}/test_account_mails.py"
MEMBERS = f"{_TESTS}/test_members.py"
PERSON_AT_THE_DOOR = f"{_TESTS}/test_person_at_the_door.py"
SESSIONS = f"{_TESTS}/test_sessions.py"
WHO_MAY_DO_WHAT = f"{_TESTS}/test_who_may_do_what.py"

OF_PEOPLE = (
    PlantedFault(
        name="a key that only manages makes an owner",
        member=INVOICE,
        file="src/invoice_service/domain/permissions.py",
        find="lacking = sorted(permission.value for permission in OF_ROLE[role] - own)",
        replace="lacking = sorted(permission.value for permission in OF_ROLE[role] - OF_ROLE[role])",
        caught_by=MEMBERS + "::test_nobody_makes_somebody_who_may_more_than_they_do",
    ),
    PlantedFault(
        name="owners are not locked",
        member=INVOICE,
        file="src/invoice_service/queries/members.py",
        find="        .with_for_update(of=Membership)\n",
        replace="",
        caught_by=MEMBERS + "::test_two_owners_at_the_same_moment_never_leave_none[lower]",
    ),
    PlantedFault(
        name="the last owner may go",
        member=INVOICE,
        file="src/invoice_service/actions/people/change_role.py",
        find="if not stays and member.role is Role.OWNER and all(owner.user_id == user_id for owner in owners):",
        replace="if False:",
        caught_by=MEMBERS + "::test_the_last_owner_can_neither_go_nor_be_lowered",
    ),
    PlantedFault(
        name="a route's permission is not asked",
        member=INVOICE,
        file="src/invoice_service/api/authentication.py",
        find="if self.permission not in found.permissions:",
        replace="if False:",
        caught_by=WHO_MAY_DO_WHAT + "::test_a_role_is_refused_exactly_what_the_table_does_not_give_it[viewer]",
    ),
    PlantedFault(
        name="an accountant manages members",
        member=INVOICE,
        file="src/invoice_service/domain/permissions.py",
        find="Role.ACCOUNTANT: _LOOKING | _BILLING | {Permission.MEMBERS_READ},",
        replace="Role.ACCOUNTANT: _LOOKING | _BILLING | {Permission.MEMBERS_READ, Permission.MEMBERS_WRITE},",
        caught_by=WHO_MAY_DO_WHAT + "::test_the_table_of_roles_is_the_one_that_was_agreed",
    ),
    PlantedFault(
        name="a viewer removes others",
        member=INVOICE,
        file="src/invoice_service/api/members.py",
        find="    _check_may_remove(write.caller, user_id)\n",
        replace="",
        caught_by=MEMBERS + "::test_everybody_may_leave_and_nobody_but_an_owner_removes_others",
    ),
    PlantedFault(
        name="any CSRF token will do",
        member=INVOICE,
        file="src/invoice_service/api/person_sessions.py",
        find="        if not parts.accounts.secrets.matches(Purpose.CSRF, cookie, given):",
        replace="        if not given:",
        caught_by=PERSON_AT_THE_DOOR + "::test_no_unsafe_route_answers_a_cookie_alone_or_another_site",
    ),
    PlantedFault(
        name="the origin is not looked at",
        member=INVOICE,
        file="src/invoice_service/api/person_sessions.py",
        find="    check_origin(request, parts)\n    person = await look_up",
        replace="    person = await look_up",
        caught_by=PERSON_AT_THE_DOOR + "::test_no_unsafe_route_answers_a_cookie_alone_or_another_site",
    ),
    PlantedFault(
        name="the organisation header is trusted",
        member=INVOICE,
        file="src/invoice_service/api/person_sessions.py",
        find="chosen = [member for member in person.memberships if member.organization_id == _read_id(named)]\n",
        replace="chosen = [OwnMembership(_read_id(named) or person.user_id, '', person.memberships[0].role)]\n",
        caught_by=MEMBERS + "::test_a_removed_member_is_out_at_the_next_request_and_keeps_other_organisations",
    ),
    PlantedFault(
        name="an ended session goes on",
        member=INVOICE,
        file="src/invoice_service/api/person_sessions.py",
        find="facts is None or facts.ended_at is not None or facts.disabled_at",
        replace="facts is None or facts.disabled_at",
        caught_by=SESSIONS + "::test_signing_out_ends_the_session_and_not_only_the_cookie",
    ),
    PlantedFault(
        name="a disabled person goes on",
        member=INVOICE,
        file="src/invoice_service/api/person_sessions.py",
        find=" or facts.disabled_at is not None:",
        replace=":",
        caught_by=SESSIONS + "::test_a_disabled_person_is_out_at_the_next_request",
    ),
    PlantedFault(
        name="a session never ends",
        member=INVOICE,
        file="src/invoice_service/api/person_sessions.py",
        find="min(facts.expires_at, idle_end)",
        replace="idle_end",
        caught_by=SESSIONS + "::test_a_session_ends_after_seven_days_however_busy_it_was",
    ),
    PlantedFault(
        name="an idle session goes on",
        member=INVOICE,
        file="src/invoice_service/api/person_sessions.py",
        find="min(facts.expires_at, idle_end)",
        replace="facts.expires_at",
        caught_by=SESSIONS + "::test_a_session_ends_after_eight_idle_hours[gone]",
    ),
    PlantedFault(
        name="a cookie beats a key",
        member=INVOICE,
        file="src/invoice_service/api/authentication.py",
        find="if key or not cookie:",
        replace="if key and not cookie:",
        caught_by=PERSON_AT_THE_DOOR + "::test_a_key_beside_a_cookie_decides_alone",
    ),
    PlantedFault(
        name="sessions end without a fresh sign-in",
        member=INVOICE,
        file="src/invoice_service/api/session.py",
        find="""        _check_fresh(person, now)
        await set_person(session, person.user_id)
        await end_all""",
        replace="""        await set_person(session, person.user_id)
        await end_all""",
        caught_by=SESSIONS + "::test_ending_sessions_elsewhere_needs_a_recent_sign_in",
    ),
    PlantedFault(
        name="a removed member keeps an invitation",
        member=INVOICE,
        file="src/invoice_service/actions/people/remove_member.py",
        find="        invitation.revoked_at = await app_now(session)\n",
        replace="        pass\n",
        caught_by=f"{_TESTS}/test_people_invitations.py"
        "::test_an_invitation_of_a_removed_member_does_not_bring_them_back",
    ),
    PlantedFault(
        name="a revoked invitation opens",
        member=INVOICE,
        file="src/invoice_service/actions/people/moot_mails.py",
        find="if invitation is None or invitation.revoked_at is not None:",
        replace="if invitation is None:",
        caught_by=ACCOUNT_MAILS + "::test_a_revoked_invitation_opens_nothing",
    ),
    PlantedFault(
        name="an accepted invitation opens",
        member=INVOICE,
        file="src/invoice_service/actions/people/moot_mails.py",
        find="if invitation.accepted_at is not None:",
        replace="if False:",
        caught_by=ACCOUNT_MAILS + "::test_an_accepted_invitation_opens_nothing",
    ),
    PlantedFault(
        name="an older invitation mail opens",
        member=INVOICE,
        file="src/invoice_service/actions/people/moot_mails.py",
        find='return "" if invitation.mail_id == mail.id else "a newer mail was sent for the invitation"',
        replace='return ""',
        caught_by=ACCOUNT_MAILS + "::test_an_invitation_that_was_sent_again_opens_only_by_the_newest_mail",
    ),
    PlantedFault(
        name="an older reset opens",
        member=INVOICE,
        file="src/invoice_service/actions/people/moot_mails.py",
        find="if changed is not None and changed >= mail.created_at",
        replace="if False",
        caught_by=ACCOUNT_MAILS + "::test_a_reset_that_was_overtaken_opens_nothing[the password was changed since]",
    ),
    PlantedFault(
        name="a disabled person resets",
        member=INVOICE,
        file="src/invoice_service/actions/people/moot_mails.py",
        find="if person is None or person.disabled_at is not None:",
        replace="if person is None:",
        caught_by=ACCOUNT_MAILS + "::test_a_reset_that_was_overtaken_opens_nothing[the person is disabled]",
    ),
    PlantedFault(
        name="a used secret opens",
        member=INVOICE,
        file="src/invoice_service/actions/people/moot_mails.py",
        find="if any(secret.used_at is not None for secret in minted):",
        replace="if False:",
        caught_by=ACCOUNT_MAILS + "::test_a_secret_is_used_once_and_takes_its_siblings_with_it",
    ),
    PlantedFault(
        name="a secret outlives its mail",
        member=INVOICE,
        file="src/invoice_service/actions/people/moot_mails.py",
        find="if now >= mail.good_until:",
        replace="if False:",
        caught_by=ACCOUNT_MAILS + "::test_a_reset_is_over_when_its_hour_is",
    ),
    PlantedFault(
        name="account mails are not locked",
        member=INVOICE,
        file="src/invoice_service/queries/account_mails.py",
        find="    locked = statement.with_for_update(key_share=True).execution_options(populate_existing=True)\n",
        replace="    locked = statement\n",
        caught_by=ACCOUNT_MAILS + "::test_of_two_uses_at_once_one_gets_through",
    ),
    PlantedFault(
        name="payment-service mints secrets",
        member=INVOICE,
        file="src/invoice_service/api/internal_documents.py",
        find="frozenset({Service.NOTIFICATION.value})",
        replace="frozenset({Service.NOTIFICATION.value, Service.PAYMENT.value})",
        caught_by=ACCOUNT_MAILS + "::test_only_notification_service_gets_a_secret_and_only_of_its_tokens_organisation",
    ),
    PlantedFault(
        name="older mail news wins",
        member=INVOICE,
        file="src/invoice_service/domain/account_mails.py",
        find="return _HOW_FINAL[said] > _HOW_FINAL.get(known, 0)",
        replace="return True",
        caught_by=ACCOUNT_MAIL_NEWS
        + "::test_news_of_a_mail_in_any_order_ends_in_the_same_picture[sent-failed-unknown]",
    ),
    PlantedFault(
        name="news of an older mail shows",
        member=INVOICE,
        file="src/invoice_service/actions/people/settle_account_mail.py",
        find="if invitation is not None and invitation.mail_id == mail.id:",
        replace="if invitation is not None:",
        caught_by=ACCOUNT_MAIL_NEWS + "::test_news_of_an_older_mail_does_not_touch_the_invitation",
    ),
    PlantedFault(
        name="one address gets any number of mails",
        member=INVOICE,
        file="src/invoice_service/domain/invitation_limits.py",
        find="if len(to_this_one) >= MAILS_TO_ONE_MAX:",
        replace="if False:",
        caught_by=MEMBERS + "::test_nobody_is_buried_in_invitations",
    ),
    PlantedFault(
        name="invitations are counted without a lock",
        member=INVOICE,
        file="src/invoice_service/actions/people/invite_member.py",
        find="""    organization = await lock_organization(session, organization_id=organization_id)
    key = email_key(email)""",
        replace="    organization = await session.get_one(Organization, organization_id)\n    key = email_key(email)",
        caught_by=MEMBERS + "::test_an_organisation_has_a_bounded_number_of_open_invitations",
    ),
)
