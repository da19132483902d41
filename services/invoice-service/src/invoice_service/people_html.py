"""Writes the pages on which people sign in, choose passwords, join organisations and look after their account."""

from dataclasses import dataclass

from invoice_service.actions.people.accept_invitation import InvitationOffer
from invoice_service.actions.people.reset_password import ResetOffer
from invoice_service.domain.passwords import PASSWORD_MIN
from invoice_service.domain.permissions import Role
from invoice_service.page_writing import WrittenPage, policy_of, style_of, templates_of
from invoice_service.people_view import ROLE_CAN, AccountView

_FOLDER = "people_pages"
_RULE = f"At least {PASSWORD_MIN} characters. A few words in a row are easy to remember and hard to guess."


@dataclass(frozen=True)
class Problem:
    """What went wrong and what to do. ``field`` is the name of the input at fault, where one is."""

    text: str
    title: str = ""
    field: str = ""


@dataclass(frozen=True)
class Notice:
    """What was done."""

    title: str
    text: str


@dataclass(frozen=True)
class Said:
    """A page that says one thing and leads on."""

    title: str
    text: str
    link: str = ""
    label: str = ""
    primary: bool = False


LINK_DEAD = Said(
    title="This link no longer works",
    text="It was used already, has expired, or was withdrawn. For a password, ask for a new link. "
    "For an invitation, ask the person who invited you to send it again.",
    link="/forgot-password",
    label="Get a new link",
)
FORM_STALE = Said(
    title="Nothing was changed",
    text="This form was open for too long or was not opened here. Open it again.",
    link="/sign-in",
    label="Sign in",
    primary=True,
)
CHECK_MAIL = Said(
    title="Check your mail",
    text="If somebody signs in with this e-mail, a link to choose a new password is on its way. "
    "It works for one hour. Nothing came? Look in spam, or check the spelling.",
    link="/sign-in",
    label="Back to sign in",
)


def write_sign_in(
    *,
    form_token: str,
    email: str = "",
    next_path: str = "",
    problem: Problem | None = None,
    notice: Notice | None = None,
) -> WrittenPage:
    return _write("sign_in.html", form_token=form_token, email=email, next=next_path, problem=problem, notice=notice)


def write_forgot(*, form_token: str, problem: Problem | None = None) -> WrittenPage:
    return _write("forgot.html", form_token=form_token, problem=problem)


def write_reset(*, form_token: str, address: str, offer: ResetOffer, problem: Problem | None = None) -> WrittenPage:
    """``address`` is the path of the page, with its secret."""
    return _write("reset.html", form_token=form_token, address=address, offer=offer, rule=_RULE, problem=problem)


def write_invitation(
    *, form_token: str, address: str, offer: InvitationOffer, name: str = "", problem: Problem | None = None
) -> WrittenPage:
    """``address`` is the path of the page, with its secret."""
    return _write(
        "invitation.html",
        form_token=form_token,
        address=address,
        offer=offer,
        can=ROLE_CAN[Role(offer.role)],
        name=name,
        rule=_RULE,
        problem=problem,
    )


def write_account(
    *, account: AccountView, csrf_token: str, problem: Problem | None = None, notice: Notice | None = None
) -> WrittenPage:
    return _write("account.html", account=account, csrf_token=csrf_token, rule=_RULE, problem=problem, notice=notice)


def write_said(said: Said) -> WrittenPage:
    return _write("said.html", said=said, problem=None)


def _write(template: str, **values: object) -> WrittenPage:
    html = templates_of(_FOLDER).get_template(template).render(css=style_of(_FOLDER), **values)
    return WrittenPage(html, policy_of(_FOLDER, form_targets=["'self'"]))
