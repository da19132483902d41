"""Every phrase of a mail, whole, in each language it is written in; another language falls back to English.

No phrase is put together from parts: what varies is a named place inside it.
"""

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True)
class Words:
    """``locale`` is CLDR's name for how dates and amounts look; ``stripe_locale`` is Stripe's for its own page."""

    language: str
    locale: str
    stripe_locale: str
    subject: str
    subject_reminder: str
    from_name: str
    hello_name: str
    hello: str
    opening: str
    opening_title: str
    to_pay_by: str
    nothing_due: str
    more_one: str
    more_other: str
    tax: str
    discount: str
    charge: str
    withheld: str
    prepaid: str
    paid_so_far: str
    pay_now: str
    view_invoice: str
    pay_where: str
    pay_where_sandbox: str
    or_open: str
    any_time: str
    any_time_label: str
    bank_transfer: str
    bank_to: str
    bank_name: str
    reference: str
    regards: str
    reply: str
    attached: str
    sandbox: str
    sandbox_text: str


_ENGLISH = Words(
    language="en",
    locale="en_GB",
    stripe_locale="en",
    subject="Invoice {number} from {sender}",
    subject_reminder="Reminder: invoice {number} from {sender}",
    from_name="{sender} via Invoice Central",
    hello_name="Hello {name},",
    hello="Hello,",
    opening="Here is invoice {number}.",
    opening_title="Here is invoice {number}: {title}.",
    to_pay_by="To pay by {date}",
    nothing_due="Nothing is left to pay",
    more_one="and 1 more line",
    more_other="and {count} more lines",
    tax="{name} {rate} %",
    discount="Discount",
    charge="Surcharge",
    withheld="Withheld",
    prepaid="Paid in advance",
    paid_so_far="Paid so far",
    pay_now="Pay now",
    view_invoice="Open the invoice",
    pay_where="You pay on Stripe’s own page.",
    pay_where_sandbox="You pay on a practice page.",
    or_open="Or open {link} at any time.",
    any_time="The invoice is at {link} at any time.",
    any_time_label="The invoice at any time:",
    bank_transfer="By bank transfer",
    bank_to="To",
    bank_name="Bank",
    reference="Reference",
    regards="Kind regards",
    reply="Reply to this mail and a person answers.",
    attached="Attached: {filename}",
    sandbox="Sandbox.",
    sandbox_text="This is a rehearsal. Stripe is not involved and no money moves.",
)

_GERMAN = Words(
    language="de",
    locale="de_DE",
    stripe_locale="de",
    subject="Rechnung {number} von {sender}",
    subject_reminder="Erinnerung: Rechnung {number} von {sender}",
    from_name="{sender} über Invoice Central",
    hello_name="Guten Tag {name},",
    hello="Guten Tag,",
    opening="hier ist die Rechnung {number}.",
    opening_title="hier ist die Rechnung {number}: {title}.",
    to_pay_by="Zu zahlen bis {date}",
    nothing_due="Es ist nichts mehr offen",
    more_one="und 1 weitere Position",
    more_other="und {count} weitere Positionen",
    tax="{name} {rate} %",
    discount="Nachlass",
    charge="Zuschlag",
    withheld="Einbehalten",
    prepaid="Im Voraus bezahlt",
    paid_so_far="Bisher bezahlt",
    pay_now="Jetzt bezahlen",
    view_invoice="Rechnung öffnen",
    pay_where="Sie zahlen auf der Seite von Stripe.",
    pay_where_sandbox="Sie zahlen auf einer Übungsseite.",
    or_open="Oder öffnen Sie jederzeit {link}.",
    any_time="Die Rechnung finden Sie jederzeit unter {link}.",
    any_time_label="Die Rechnung, jederzeit:",
    bank_transfer="Per Überweisung",
    bank_to="An",
    bank_name="Bank",
    reference="Verwendungszweck",
    regards="Mit freundlichen Grüßen",
    reply="Antworten Sie auf diese Mail, und ein Mensch antwortet Ihnen.",
    attached="Im Anhang: {filename}",
    sandbox="Sandbox.",
    sandbox_text="Das ist eine Übung. Stripe ist nicht beteiligt, und es fließt kein Geld.",
)

_FRENCH = Words(
    language="fr",
    locale="fr_FR",
    stripe_locale="fr",
    subject="Facture {number} de {sender}",
    subject_reminder="Rappel : facture {number} de {sender}",
    from_name="{sender} par Invoice Central",
    hello_name="Bonjour {name},",
    hello="Bonjour,",
    opening="Voici la facture {number}.",
    opening_title="Voici la facture {number} : {title}.",
    to_pay_by="À payer au plus tard le {date}",
    nothing_due="Il ne reste rien à payer",
    more_one="et 1 autre ligne",
    more_other="et {count} autres lignes",
    tax="{name} {rate} %",
    discount="Remise",
    charge="Supplément",
    withheld="Retenue",
    prepaid="Payé d’avance",
    paid_so_far="Déjà payé",
    pay_now="Payer maintenant",
    view_invoice="Ouvrir la facture",
    pay_where="Vous payez sur la page de Stripe.",
    pay_where_sandbox="Vous payez sur une page d’essai.",
    or_open="Ou ouvrez {link} à tout moment.",
    any_time="La facture est à tout moment sur {link}.",
    any_time_label="La facture, à tout moment :",
    bank_transfer="Par virement",
    bank_to="À",
    bank_name="Banque",
    reference="Référence",
    regards="Cordialement",
    reply="Répondez à ce message et une personne vous répondra.",
    attached="Pièce jointe : {filename}",
    sandbox="Sandbox.",
    sandbox_text="Ceci est une répétition. Stripe n’intervient pas et aucun argent ne circule.",
)

_SPANISH = Words(
    language="es",
    locale="es_ES",
    stripe_locale="es",
    subject="Factura {number} de {sender}",
    subject_reminder="Recordatorio: factura {number} de {sender}",
    from_name="{sender} mediante Invoice Central",
    hello_name="Hola, {name}:",
    hello="Hola:",
    opening="Aquí está la factura {number}.",
    opening_title="Aquí está la factura {number}: {title}.",
    to_pay_by="A pagar hasta el {date}",
    nothing_due="No queda nada por pagar",
    more_one="y 1 línea más",
    more_other="y {count} líneas más",
    tax="{name} {rate} %",
    discount="Descuento",
    charge="Recargo",
    withheld="Retención",
    prepaid="Pagado por adelantado",
    paid_so_far="Pagado hasta ahora",
    pay_now="Pagar ahora",
    view_invoice="Abrir la factura",
    pay_where="Se paga en la página de Stripe.",
    pay_where_sandbox="Se paga en una página de práctica.",
    or_open="O abra {link} cuando quiera.",
    any_time="La factura está siempre en {link}.",
    any_time_label="La factura, cuando quiera:",
    bank_transfer="Por transferencia",
    bank_to="A",
    bank_name="Banco",
    reference="Concepto",
    regards="Un saludo",
    reply="Responda a este correo y le contestará una persona.",
    attached="Adjunto: {filename}",
    sandbox="Sandbox.",
    sandbox_text="Esto es un ensayo. Stripe no interviene y no se mueve dinero.",
)

LANGUAGES: Mapping[str, Words] = {words.language: words for words in (_ENGLISH, _GERMAN, _FRENCH, _SPANISH)}


def words_for(language: str) -> Words:
    """``de``, ``de-AT`` and ``DE_ch`` are German; what is not spoken here is English."""
    return LANGUAGES.get(language.replace("_", "-").split("-")[0].lower(), _ENGLISH)
