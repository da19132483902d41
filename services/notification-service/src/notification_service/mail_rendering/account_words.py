"""Every phrase of the mails about accounts, whole, in each language they are written in; another falls back to English.

No phrase is put together from parts: what varies is a named place inside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass

PRODUCT = "Invoice Central"


@dataclass(frozen=True)
class AccountWords:
    """``locale`` is CLDR's name for how dates and durations look. ``roles`` has a sentence for each known role."""

    language: str
    locale: str
    hello_name: str
    hello: str
    invites: str
    invited: str
    what_it_is: str
    roles: Mapping[str, str]
    accept: str
    good_until: str
    good_for: str
    invitation_unexpected: str
    keep: str
    copy_address: str
    why_invited_by: str
    why_invited: str
    reset: str
    reset_what: str
    reset_button: str
    reset_unexpected: str
    why_reset: str
    changed_subject: str
    changed: str
    changed_yours: str
    alarm_question: str
    alarm: str
    why_changed: str
    no_answers: str


_ENGLISH = AccountWords(
    language="en",
    locale="en_GB",
    hello_name="Hello {name},",
    hello="Hello,",
    invites="{inviter} invites you to {organization}",
    invited="You are invited to {organization}",
    what_it_is="{organization} writes its invoices with Invoice Central.",
    roles={
        "owner": "You join as an owner: you decide everything, from invoices to Stripe to who else may come in.",
        "accountant": "You join as an accountant: you write and send invoices, and record what was paid.",
        "viewer": "You join as a viewer: you see invoices, customers and payments, and change nothing.",
    },
    accept="Accept the invitation",
    good_until="Good until {moment}.",
    good_for="Good for {duration}, until {moment}.",
    invitation_unexpected="Not expected? Ignore this mail, and nothing happens. The invitation ends by itself.",
    keep="The link is for you alone: do not pass this mail on.",
    copy_address="If the button does not open, copy this address into your browser:",
    why_invited_by="You get this mail because {inviter} invited {address}.",
    why_invited="You get this mail because {address} was invited.",
    reset="Choose a new password",
    reset_what="A new password was asked for at Invoice Central, for {address}.",
    reset_button="Choose a new password",
    reset_unexpected="If you did not ask, nothing changes: your password stays as it is, and the link ends by itself.",
    why_reset="You get this mail because {address} was typed in where a forgotten password is asked for.",
    changed_subject="Your password for Invoice Central was changed",
    changed="Your password was changed",
    changed_yours="If it was you, there is nothing to do.",
    alarm_question="If it was not you",
    alarm="Ask for a new password at {link} now, and tell an owner of your organisation.",
    why_changed="You get this mail because {address} signs in to Invoice Central.",
    no_answers="Nobody reads answers to this mail.",
)

_GERMAN = AccountWords(
    language="de",
    locale="de_DE",
    hello_name="Guten Tag {name},",
    hello="Guten Tag,",
    invites="{inviter} lädt Sie zu {organization} ein",
    invited="Sie sind zu {organization} eingeladen",
    what_it_is="{organization} schreibt Rechnungen mit Invoice Central.",
    roles={
        "owner": "Sie kommen als Inhaber dazu: Sie entscheiden alles, von Rechnungen über Stripe bis zu den Zugängen.",
        "accountant": "Sie kommen für die Buchhaltung dazu: Sie schreiben Rechnungen und erfassen Zahlungen.",
        "viewer": "Sie kommen zum Lesen dazu: Sie sehen Rechnungen, Kunden und Zahlungen und ändern nichts.",
    },
    accept="Einladung annehmen",
    good_until="Gültig bis {moment}.",
    good_for="Gültig für {duration}, bis {moment}.",
    invitation_unexpected="Nicht erwartet? Lassen Sie diese Mail liegen, und nichts geschieht. Die Einladung läuft ab.",
    keep="Der Link ist nur für Sie: Geben Sie diese Mail nicht weiter.",
    copy_address="Wenn sich nichts öffnet, kopieren Sie diese Adresse in Ihren Browser:",
    why_invited_by="Sie erhalten diese Mail, weil {inviter} {address} eingeladen hat.",
    why_invited="Sie erhalten diese Mail, weil {address} eingeladen wurde.",
    reset="Neues Passwort wählen",
    reset_what="Bei Invoice Central wurde für {address} ein neues Passwort angefordert.",
    reset_button="Neues Passwort wählen",
    reset_unexpected="Wenn Sie das nicht waren, ändert sich nichts: Ihr Passwort bleibt, und der Link läuft ab.",
    why_reset="Sie erhalten diese Mail, weil {address} bei „Passwort vergessen“ eingegeben wurde.",
    changed_subject="Ihr Passwort für Invoice Central wurde geändert",
    changed="Ihr Passwort wurde geändert",
    changed_yours="Wenn Sie das waren, ist nichts zu tun.",
    alarm_question="Wenn Sie das nicht waren",
    alarm="Fordern Sie auf {link} jetzt ein neues Passwort an, und sagen Sie einem Inhaber der Organisation Bescheid.",
    why_changed="Sie erhalten diese Mail, weil {address} sich bei Invoice Central anmeldet.",
    no_answers="Antworten auf diese Mail liest niemand.",
)

_FRENCH = AccountWords(
    language="fr",
    locale="fr_FR",
    hello_name="Bonjour {name},",
    hello="Bonjour,",
    invites="{inviter} vous invite à rejoindre {organization}",
    invited="Vous êtes invité à rejoindre {organization}",
    what_it_is="{organization} établit ses factures avec Invoice Central.",
    roles={
        "owner": "Vous serez propriétaire : vous décidez de tout, des factures à Stripe et aux accès des autres.",
        "accountant": "Vous serez comptable : vous établissez et envoyez des factures, et notez ce qui est payé.",
        "viewer": "Vous serez lecteur : vous voyez factures, clients et paiements, et ne changez rien.",
    },
    accept="Accepter l’invitation",
    good_until="Valable jusqu’au {moment}.",
    good_for="Valable {duration}, jusqu’au {moment}.",
    invitation_unexpected="Inattendu ? Laissez ce message, et rien ne se passe. L’invitation expire d’elle-même.",
    keep="Ce lien n’est que pour vous : ne transmettez pas ce message.",
    copy_address="Si rien ne s’ouvre, copiez cette adresse dans votre navigateur :",
    why_invited_by="Vous recevez ce message parce que {inviter} a invité {address}.",
    why_invited="Vous recevez ce message parce que {address} a été invité.",
    reset="Choisir un nouveau mot de passe",
    reset_what="Un nouveau mot de passe a été demandé sur Invoice Central pour {address}.",
    reset_button="Choisir un nouveau mot de passe",
    reset_unexpected="Si ce n’était pas vous, rien ne change : votre mot de passe reste le même et le lien expire.",
    why_reset="Vous recevez ce message parce que {address} a été saisi à « mot de passe oublié ».",
    changed_subject="Votre mot de passe pour Invoice Central a été changé",
    changed="Votre mot de passe a été changé",
    changed_yours="Si c’était vous, il n’y a rien à faire.",
    alarm_question="Si ce n’était pas vous",
    alarm="Demandez tout de suite un nouveau mot de passe sur {link}, et prévenez un propriétaire de l’organisation.",
    why_changed="Vous recevez ce message parce que {address} se connecte à Invoice Central.",
    no_answers="Personne ne lit les réponses à ce message.",
)

_SPANISH = AccountWords(
    language="es",
    locale="es_ES",
    hello_name="Hola, {name}:",
    hello="Hola:",
    invites="{inviter} le invita a {organization}",
    invited="Tiene una invitación a {organization}",
    what_it_is="{organization} hace sus facturas con Invoice Central.",
    roles={
        "owner": "Entra como propietario: lo decide todo, desde las facturas hasta Stripe y quién más puede entrar.",
        "accountant": "Entra como contable: hace y envía facturas, y anota lo que se ha pagado.",
        "viewer": "Entra como lector: ve facturas, clientes y pagos, y no cambia nada.",
    },
    accept="Aceptar la invitación",
    good_until="Vale hasta el {moment}.",
    good_for="Vale {duration}, hasta el {moment}.",
    invitation_unexpected="¿No la esperaba? Ignore este correo y no pasa nada. La invitación caduca sola.",
    keep="El enlace es solo para usted: no reenvíe este correo.",
    copy_address="Si no se abre nada, copie esta dirección en su navegador:",
    why_invited_by="Recibe este correo porque {inviter} ha invitado a {address}.",
    why_invited="Recibe este correo porque se ha invitado a {address}.",
    reset="Elija una contraseña nueva",
    reset_what="Se ha pedido en Invoice Central una contraseña nueva para {address}.",
    reset_button="Elegir una contraseña nueva",
    reset_unexpected="Si no la pidió usted, nada cambia: su contraseña sigue igual y el enlace caduca solo.",
    why_reset="Recibe este correo porque se escribió {address} donde se pide una contraseña olvidada.",
    changed_subject="Se ha cambiado su contraseña de Invoice Central",
    changed="Se ha cambiado su contraseña",
    changed_yours="Si fue usted, no hay nada que hacer.",
    alarm_question="Si no fue usted",
    alarm="Pida ahora una contraseña nueva en {link} y avise a un propietario de su organización.",
    why_changed="Recibe este correo porque {address} entra en Invoice Central.",
    no_answers="Nadie lee las respuestas a este correo.",
)

ACCOUNT_LANGUAGES: Mapping[str, AccountWords] = {
    words.language: words for words in (_ENGLISH, _GERMAN, _FRENCH, _SPANISH)
}


def account_words_for(language: str) -> AccountWords:
    """``de``, ``de-AT`` and ``DE_ch`` are German; what is not spoken here is English."""
    return ACCOUNT_LANGUAGES.get(language.replace("_", "-").split("-")[0].lower(), _ENGLISH)
