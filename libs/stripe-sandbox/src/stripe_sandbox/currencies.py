"""Stripe's currency rules: what one unit of an amount means, and which amounts may be charged.

Sources: https://docs.stripe.com/currencies (zero- and three-decimal lists, the special cases ISK and UGX, minimum and
maximum amounts). Stripe's exponents differ from ISO 4217 (MGA has none), so no other table may stand in for this one.
Minimums belong to the settlement currency; the sandbox settles every account in the currency of the charge.
"""

from stripe_sandbox.refusals import Refusal, invalid


def _codes(text: str) -> frozenset[str]:
    return frozenset(text.split())


ZERO_DECIMAL = _codes("bif clp djf gnf jpy kmf krw mga pyg rwf vnd vuv xaf xof xpf")
THREE_DECIMAL = _codes("bhd jod kwd omr tnd")
WHOLE_UNITS_IN_CENTS = frozenset({"isk", "ugx"})
TWO_DECIMAL = _codes(
    "aed afn all amd ang aoa ars aud awg azn bam bbd bdt bgn bmd bnd bob brl bsd bwp byn bzd cad cdf chf cny cop crc "
    "cve czk dkk dop dzd egp etb eur fjd fkp gbp gel gip gmd gtq gyd hkd hnl htg huf idr ils inr isk jmd kes kgs khr "
    "kyd kzt lak lbp lkr lrd lsl mad mdl mkd mmk mnt mop mur mvr mwk mxn myr mzn nad ngn nio nok npr nzd pab pen pgk "
    "php pkr pln qar ron rsd rub sar sbd scr sek sgd shp sle sos srd std szl thb tjs top try ttd twd tzs uah ugx usd "
    "uyu uzs wst xcd yer zar zmw"
)
MINIMUM = {
    "aud": 50,
    "cad": 50,
    "chf": 50,
    "czk": 1500,
    "dkk": 250,
    "eur": 50,
    "gbp": 30,
    "hkd": 400,
    "huf": 17500,
    "jpy": 50,
    "mxn": 1000,
    "nok": 300,
    "pln": 200,
    "sek": 300,
    "sgd": 50,
    "thb": 1000,
    "usd": 50,
}
MAXIMUM = 99_999_999


def decimals(currency: str) -> int:
    if currency in ZERO_DECIMAL:
        return 0
    return 3 if currency in THREE_DECIMAL else 2


def checked_currency(currency: str, *, param: str) -> str:
    code = currency.lower()
    if code not in ZERO_DECIMAL | THREE_DECIMAL | TWO_DECIMAL:
        raise invalid(
            f"Invalid currency: {currency[:10]}. Use a three-letter code that Stripe charges in.", param=param
        )
    return code


def check_unit_amount(amount: int, currency: str, *, param: str) -> None:
    """An amount must be expressible: not negative, and with the zeros its currency asks for."""
    if amount < 0:
        raise invalid(f"{param} must be zero or more", param=param, code="parameter_invalid_integer")
    if currency in THREE_DECIMAL and amount % 10:
        raise invalid(
            f"Amounts in {currency} need 0 as their last digit", param=param, code="parameter_invalid_integer"
        )
    if currency in WHOLE_UNITS_IN_CENTS and amount % 100:
        raise invalid(f"Amounts in {currency} need 00 as their end", param=param, code="parameter_invalid_integer")


def check_total(amount: int, currency: str, *, param: str) -> None:
    if amount < MINIMUM.get(currency, 1):
        raise _amount_refused("amount_too_small", f"at least {shown(MINIMUM.get(currency, 1), currency)}", param)
    if amount > MAXIMUM:
        raise _amount_refused("amount_too_large", f"no more than {shown(MAXIMUM, currency)}", param)


def _amount_refused(code: str, bound: str, param: str) -> Refusal:
    return invalid(f"The total amount due must be {bound}", param=param, code=code)


def shown(amount: int, currency: str) -> str:
    whole, fraction = parts(amount, currency)
    return f"{currency.upper()} {whole}{fraction}"


def parts(amount: int, currency: str) -> tuple[str, str]:
    """Grouped whole part, and the fraction with its point, or nothing for a currency without one."""
    places = decimals(currency)
    whole, fraction = divmod(amount, 10**places)
    return f"{whole:,}", f".{fraction:0{places}}" if places else ""
