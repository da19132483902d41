"""The finished mails about accounts: what they say, in which language, and where their one button leads."""

import email
import re
from datetime import timedelta
from email import policy
from email.utils import parseaddr

import pytest
from contracts.events.accounts import AccountMailKind, AccountMailRequested
from hypothesis import HealthCheck, given, settings
from notification_service.account_secrets_gateway import AccountSecret
from notification_service.mail_rendering.account_picture import AccountPicture, account_picture
from notification_service.mail_rendering.account_words import ACCOUNT_LANGUAGES, account_words_for
from notification_service.mail_rendering.written_mail import written_account_mail
from notification_tests import make
from notification_tests.hostile import HOSTILE
from notification_tests.mail_reading import HEADERS, MESSAGE_ID, WRITER, Seen, body, normal, parsed, shown, unfolded

URL = "https://invoices.nordlicht.example/invitation/ic_invite_q3Vd8sKxYp2mT7wRz0LbNfGhJcE5uA1oI9tXkMvBy64"
SECRET = AccountSecret(url=URL, expires_at=make.NOON + timedelta(days=7))
RESET = AccountMailKind.PASSWORD_RESET


def written(asked: AccountMailRequested, *, secret: AccountSecret | None = SECRET) -> bytes:
    return written_account_mail(
        asked,
        secret=secret,
        message_id=MESSAGE_ID,
        dated_at=make.NOON,
        mail_from="invoices@central.example",
        html_writer=WRITER,
    )


def drawn(asked: AccountMailRequested, *, good_for: timedelta = timedelta(days=7)) -> AccountPicture:
    return account_picture(asked, secret=AccountSecret(url=URL, expires_at=make.NOON + good_for), asked_at=make.NOON)


def reset(**changes: object) -> AccountMailRequested:
    return make.account_mail(kind=RESET, expires_in_hours=1, inviter_name="", role="").model_copy(update=changes)


def test_the_headers_name_the_product_and_invite_no_answer() -> None:
    message = parsed(written(make.account_mail()))

    assert message["From"] == "Invoice Central <invoices@central.example>"
    assert message["To"] == "noor@nordlicht.example"
    assert message["Subject"] == "Johanna Hellström invites you to Nordlicht Studio"
    assert message["Message-ID"] == MESSAGE_ID
    assert message["Auto-Submitted"] == "auto-generated"
    assert list(message.keys()) == [name for name in HEADERS if name != "Reply-To"]


def test_an_invitation_says_who_asks_to_what_as_what_and_until_when() -> None:
    message = parsed(written(make.account_mail()))

    text = body(message, "plain")
    expected = [
        "Hello Noor Haddad,",
        "Johanna Hellström invites you to Nordlicht Studio",
        "You join as an accountant: you write and send invoices, and record what was paid.",
        "Accept the invitation:",
        URL,
        "Good until 28 November 2026, 12:00 UTC.",
        "Not expected? Ignore this mail, and nothing happens. The invitation ends by itself.",
        "You get this mail because Johanna Hellström invited noor@nordlicht.example.",
    ]
    lines = text.split("\n")
    places = [lines.index(line) for line in expected]
    assert places == sorted(places)


def test_a_reset_says_how_long_it_is_good_and_that_nothing_changes_by_itself() -> None:
    text = body(parsed(written(reset())), "plain")

    assert "A new password was asked for at Invoice Central, for noor@nordlicht.example." in text
    assert "Good for 168 hours, until 28 November 2026, 12:00 UTC." in text
    assert "If you did not ask, nothing changes" in text


@pytest.mark.parametrize(
    ("good_for", "says"),
    [
        (timedelta(minutes=30), "Good for 30 minutes, until 21 November 2026, 12:30 UTC."),
        (timedelta(minutes=29, seconds=2), "Good for 30 minutes, until 21 November 2026, 12:29 UTC."),
        (timedelta(minutes=1), "Good for 1 minute, until 21 November 2026, 12:01 UTC."),
        (timedelta(minutes=59, seconds=58), "Good for 1 hour, until 21 November 2026, 12:59 UTC."),
        (timedelta(minutes=90), "Good for 90 minutes, until 21 November 2026, 13:30 UTC."),
        (timedelta(hours=2, minutes=59), "Good for 2 hours, until 21 November 2026, 14:59 UTC."),
        (timedelta(0), "Good until 21 November 2026, 12:00 UTC."),
        (timedelta(minutes=-5), "Good until 21 November 2026, 11:55 UTC."),
    ],
    ids=str,
)
def test_how_long_a_reset_is_good_counts_from_the_date_of_the_mail(good_for: timedelta, says: str) -> None:
    assert drawn(reset(), good_for=good_for).until == says


def test_a_notice_has_a_time_and_the_way_to_sign_in_and_no_button() -> None:
    message = parsed(written(make.password_changed(), secret=None))

    text, seen = body(message, "plain"), Seen(body(message, "html"))
    assert "21 November 2026, 12:00 UTC" in text
    assert make.SIGN_IN_URL in text
    assert seen.links == [make.SIGN_IN_URL]
    assert "ic_" not in text


def test_a_notice_that_does_not_say_when_names_the_time_it_was_asked_for() -> None:
    assert drawn(make.password_changed(happened_at=None)).lines[0] == "21 November 2026, 12:00 UTC"


@pytest.mark.parametrize("asked", [make.account_mail(), reset()], ids=lambda asked: asked.kind.value)
def test_both_parts_say_the_same_and_only_the_button_leads_anywhere(asked: AccountMailRequested) -> None:
    message = parsed(written(asked))
    picture, text, seen = drawn(asked), body(message, "plain"), Seen(body(message, "html"))

    for words in (picture.greeting, picture.title, *picture.lines, picture.button, picture.until, *picture.notes):
        assert words in text
        assert words in seen.words
    assert seen.links == [URL, URL]
    assert {"img", "script", "link", "iframe", "form"}.isdisjoint(seen.tags)


@pytest.mark.parametrize("asked", [make.account_mail(), reset()], ids=lambda asked: asked.kind.value)
def test_the_secret_stands_in_the_two_bodies_and_in_no_header(asked: AccountMailRequested) -> None:
    message = parsed(written(asked))

    assert "ic_invite" not in "".join(f"{name}: {value}" for name, value in message.items())
    assert URL not in repr(drawn(asked))


@pytest.mark.parametrize(
    ("language", "subject", "button"),
    [
        ("en", "Johanna Hellström invites you to Nordlicht Studio", "Accept the invitation"),
        ("de-AT", "Johanna Hellström lädt Sie zu Nordlicht Studio ein", "Einladung annehmen"),
        ("fr", "Johanna Hellström vous invite à rejoindre Nordlicht Studio", "Accepter l’invitation"),
        ("es_MX", "Johanna Hellström le invita a Nordlicht Studio", "Aceptar la invitación"),
        ("ja", "Johanna Hellström invites you to Nordlicht Studio", "Accept the invitation"),
    ],
)
def test_the_mail_speaks_the_readers_language_or_english(language: str, subject: str, button: str) -> None:
    message = parsed(written(make.account_mail(language=language)))

    assert message["Subject"] == subject
    assert button in body(message, "plain")
    assert button in Seen(body(message, "html")).words


def test_every_language_has_every_phrase_with_the_same_places() -> None:
    english = vars(account_words_for("en"))

    for words in ACCOUNT_LANGUAGES.values():
        assert words.roles.keys() == {"owner", "accountant", "viewer"}
        for name, phrase in vars(words).items():
            assert phrase
            places, expected = (sorted(re.findall(r"{\w+}", str(each))) for each in (phrase, english[name]))
            assert places == expected, (words.language, name)


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"inviter_name": ""}, "You are invited to Nordlicht Studio"),
        ({"organization_name": ""}, "Johanna Hellström invites you to Invoice Central"),
        ({"inviter_name": "Win at https://evil.example"}, "You are invited to Nordlicht Studio"),
        ({"organization_name": "WWW.evil.example now"}, "Johanna Hellström invites you to Invoice Central"),
        ({"inviter_name": "", "organization_name": ""}, "You are invited to Invoice Central"),
    ],
)
def test_a_name_that_is_missing_or_brings_an_address_is_left_out(changes: dict[str, object], title: str) -> None:
    picture = drawn(make.account_mail(**changes))

    assert (picture.title, picture.subject) == (title, title)
    assert "evil" not in repr(picture)


def test_an_unknown_role_is_not_guessed_at() -> None:
    assert drawn(make.account_mail(role="emperor")).lines == (
        "Nordlicht Studio writes its invoices with Invoice Central.",
    )


@settings(suppress_health_check=[HealthCheck.too_slow], deadline=None, max_examples=100)
@given(inviter=HOSTILE, organization=HOSTILE, person=HOSTILE)
def test_no_name_can_add_a_header_or_become_markup(inviter: str, organization: str, person: str) -> None:
    asked = make.account_mail(inviter_name=inviter, organization_name=organization, person_name=person)

    raw = written(asked)

    message, plain = parsed(raw), email.message_from_bytes(raw, policy=policy.compat32)
    assert list(message.keys()) == [name for name in HEADERS if name != "Reply-To"]
    assert shown(plain["Subject"]) == normal(drawn(asked).subject)
    assert parseaddr(unfolded(plain["From"])) == ("Invoice Central", "invoices@central.example")
    assert message["To"] == "noor@nordlicht.example"
    seen = Seen(body(message, "html"))
    assert set(seen.tags) <= set(Seen(body(parsed(written(make.account_mail())), "html")).tags)
    assert seen.links == [URL, URL]


def test_the_same_intent_with_the_same_secret_has_the_same_bytes() -> None:
    assert written(make.account_mail()) == written(make.account_mail())


@pytest.mark.parametrize("asked", [make.account_mail(), reset()], ids=lambda asked: asked.kind.value)
def test_a_mail_with_a_button_is_never_written_without_what_it_opens(asked: AccountMailRequested) -> None:
    with pytest.raises(ValueError, match="needs the address"):
        written(asked, secret=None)
