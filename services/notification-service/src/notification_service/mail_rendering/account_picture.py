"""Everything a reader of an account mail will see, as finished text in the order it is read, before it is drawn.

Names are what people typed, so they are cut to a line, and left out where they would bring an address of their own.
"""

import re
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from contracts.events.accounts import AccountMailKind, AccountMailRequested

from notification_service.account_secrets_gateway import AccountSecret
from notification_service.mail_rendering.account_words import PRODUCT, AccountWords, account_words_for
from notification_service.mail_rendering.figures import duration, moment
from notification_service.mail_rendering.payment_address import shown_address
from notification_service.mail_rendering.plain import one_line

_NAME_LENGTH_MAX = 70
_BRINGS_AN_ADDRESS = re.compile(r"(?i)://|\bwww\.")


@dataclass(frozen=True)
class Alarm:
    """What to do if it was somebody else: a question, and a sentence around the sign-in address."""

    question: str
    before: str
    url: str
    url_text: str
    after: str


@dataclass(frozen=True)
class AccountPicture:
    """Either a button with what it opens and until when, or an ``alarm``."""

    words: AccountWords
    subject: str
    greeting: str
    title: str
    lines: tuple[str, ...]
    notes: tuple[str, ...]
    foot: tuple[str, ...]
    button: str = ""
    button_url: str = field(default="", repr=False)
    until: str = ""
    alarm: Alarm | None = None


def account_picture(asked: AccountMailRequested, *, secret: AccountSecret | None, asked_at: datetime) -> AccountPicture:
    """``asked_at`` is the date of the mail, from which durations count. Raises `ValueError` without a needed secret."""
    words = account_words_for(asked.language)
    if asked.kind is AccountMailKind.PASSWORD_CHANGED:
        return _changed(asked, words=words, happened_at=asked.happened_at or asked_at)
    if secret is None:
        raise ValueError("an invitation or a reset needs the address behind its button")
    if asked.kind is AccountMailKind.INVITATION:
        return _invitation(asked, words=words, secret=secret)
    return _reset(asked, words=words, secret=secret, asked_at=asked_at)


def _invitation(asked: AccountMailRequested, *, words: AccountWords, secret: AccountSecret) -> AccountPicture:
    inviter, organization = _name(asked.inviter_name), _name(asked.organization_name)
    phrase = words.invites if inviter else words.invited
    title = phrase.format(inviter=inviter, organization=organization or PRODUCT)
    what = words.what_it_is.format(organization=organization) if organization else ""
    why = words.why_invited_by if inviter else words.why_invited
    return AccountPicture(
        words=words,
        subject=title,
        greeting=_greeting(asked, words=words),
        title=title,
        lines=tuple(filter(None, (what, words.roles.get(asked.role, "")))),
        button=words.accept,
        button_url=secret.url,
        until=words.good_until.format(moment=moment(secret.expires_at, locale=words.locale)),
        notes=(words.invitation_unexpected, words.keep),
        foot=(why.format(inviter=inviter, address=one_line(asked.to)), words.no_answers),
    )


def _reset(
    asked: AccountMailRequested, *, words: AccountWords, secret: AccountSecret, asked_at: datetime
) -> AccountPicture:
    until, length = moment(secret.expires_at, locale=words.locale), secret.expires_at - asked_at
    lasts = duration(length, locale=words.locale)
    good = words.good_for.format(duration=lasts, moment=until) if length > timedelta() else ""
    return AccountPicture(
        words=words,
        subject=words.reset,
        greeting=_greeting(asked, words=words),
        title=words.reset,
        lines=(words.reset_what.format(address=one_line(asked.to)),),
        button=words.reset_button,
        button_url=secret.url,
        until=good or words.good_until.format(moment=until),
        notes=(words.reset_unexpected, words.keep),
        foot=(words.why_reset.format(address=one_line(asked.to)), words.no_answers),
    )


def _changed(asked: AccountMailRequested, *, words: AccountWords, happened_at: datetime) -> AccountPicture:
    before, _, after = words.alarm.partition("{link}")
    return AccountPicture(
        words=words,
        subject=words.changed_subject,
        greeting=_greeting(asked, words=words),
        title=words.changed,
        lines=(moment(happened_at, locale=words.locale), words.changed_yours),
        alarm=Alarm(
            question=words.alarm_question,
            before=before,
            url=asked.sign_in_url,
            url_text=shown_address(asked.sign_in_url),
            after=after,
        ),
        notes=(),
        foot=(words.why_changed.format(address=one_line(asked.to)), words.no_answers),
    )


def _greeting(asked: AccountMailRequested, *, words: AccountWords) -> str:
    name = _name(asked.person_name)
    return words.hello_name.format(name=name) if name else words.hello


def _name(text: str) -> str:
    line = one_line(text, length_max=_NAME_LENGTH_MAX)
    return "" if _BRINGS_AN_ADDRESS.search(line) else line
