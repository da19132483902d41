"""The kinds of text and number that a request may hold: bounded, printable, exact. Nothing else reaches an action."""

import re
import unicodedata
import zoneinfo
from decimal import Decimal
from typing import Annotated, Any

from contracts.money import UnknownCurrency, fraction_digits
from pydantic import AfterValidator, AwareDatetime, BaseModel, BeforeValidator, ConfigDict, Field, WithJsonSchema

from invoice_service.domain.invoice_refusals import RecipientRefused
from invoice_service.domain.recipients import ADDRESS_PATTERN, check_recipients

_MOMENT = re.compile(r"\d{4}-\d\d-\d\d[Tt ]\d\d:")
_DECIMAL = re.compile(r"-?[0-9]{1,15}(\.[0-9]{1,15})?")
_EXACT_FLOAT_DIGITS = 15
_UNPRINTABLE = frozenset({"Cc", "Cs", "Cn", "Co"})


class Request(BaseModel):
    """A body of ours: unknown fields are refused, so nobody sets what is not theirs to set."""

    model_config = ConfigDict(extra="forbid", frozen=True)


def _printable(text: str, *, also: str) -> str:
    for character in text:
        if character not in also and unicodedata.category(character) in _UNPRINTABLE:
            raise ValueError("holds a character that cannot be printed; remove it")
    return text


def _line(text: str) -> str:
    return _printable(text.strip(), also="")


def _paragraphs(text: str) -> str:
    return _printable(text.replace("\r\n", "\n").replace("\r", "\n").strip("\n"), also="\n\t")


def _email(text: str) -> str:
    plain = _line(text)
    if plain:
        try:
            check_recipients(to=(plain,), cc=())
        except RecipientRefused:
            raise ValueError("is not an e-mail address such as anna@example.com") from None
    return plain


def _currency(text: str) -> str:
    try:
        fraction_digits(text)
    except UnknownCurrency:
        raise ValueError("is not a currency that invoices can use; use an ISO 4217 code such as EUR") from None
    return text


def _decimal(value: Any) -> Decimal:
    """Text and whole numbers exactly; a JSON number with a point only while it is still the number that was written."""
    if isinstance(value, Decimal):
        return value
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        raise ValueError('is not a number; write it as text, such as "12.50"')
    text = repr(value) if isinstance(value, float) else str(value)
    if isinstance(value, float) and "." in text and "e" not in text:
        text = text.removesuffix(".0")
        if len(text.replace(".", "").lstrip("-0")) > _EXACT_FLOAT_DIGITS:
            raise ValueError("has more digits than a JSON number keeps; write it as text")
    if not _DECIMAL.fullmatch(text):
        raise ValueError('is not a plain decimal number of at most 15 digits; write it like "12.50"')
    return Decimal(text)


def _time_zone(text: str) -> str:
    if text not in zoneinfo.available_timezones():
        raise ValueError("is not a time zone of the IANA database, such as Europe/Berlin")
    return text


def _language(text: str) -> str:
    if text and not re.fullmatch(r"[a-z]{2}(-[A-Z]{2})?", text):
        raise ValueError("is not a language such as en or pt-BR")
    return text


def _country(text: str) -> str:
    if text and not re.fullmatch(r"[A-Z]{2}", text):
        raise ValueError("is not a country code of two letters such as DE")
    return text


def _iban(text: str) -> str:
    plain = text.replace(" ", "").upper()
    if not plain:
        return plain
    if not re.fullmatch(r"[A-Z]{2}[0-9]{2}[A-Z0-9]{10,30}", plain):
        raise ValueError("is not an IBAN")
    digits = "".join(str(int(character, 36)) for character in plain[4:] + plain[:4])
    if int(digits) % 97 != 1:
        raise ValueError("is not an IBAN: its check digits do not fit")
    return plain


def _bic(text: str) -> str:
    plain = text.replace(" ", "").upper()
    if plain and not re.fullmatch(r"[A-Z]{6}[A-Z0-9]{2}([A-Z0-9]{3})?", plain):
        raise ValueError("is not a BIC")
    return plain


def _written_moment(value: Any) -> Any:
    """RFC 3339 text only: pydantic would also take a number for seconds since 1970."""
    if isinstance(value, str) and not _MOMENT.match(value):
        raise ValueError("is not a moment with its zone, such as 2026-01-31T00:00:00Z")
    if isinstance(value, int | float):
        raise ValueError("is a number; write a moment with its zone, such as 2026-01-31T00:00:00Z")
    return value


def _whole_number(value: Any) -> int:
    """A JSON number without a fraction, also when it is written as 12.0; never text and never a truth value."""
    if isinstance(value, bool) or not isinstance(value, int | float) or (isinstance(value, float) and value % 1 != 0):
        raise ValueError("is not a whole number")
    return int(value)


def _described(pattern: str) -> Any:
    """What the validator wants, for the readers of the API's description as far as a pattern can say it."""
    return Field(json_schema_extra={"pattern": pattern})


Line = AfterValidator(_line)
Paragraphs = AfterValidator(_paragraphs)
Name = Annotated[str, Field(min_length=1, max_length=200), Line, AfterValidator(lambda text: _filled(text))]
FilledText = Name
ShortText = Annotated[str, Field(max_length=200), Line]
LongText = Annotated[str, Field(max_length=4000), Paragraphs]
EmailAddress = Annotated[str, Field(max_length=254), AfterValidator(_email), _described(f"^({ADDRESS_PATTERN})?$")]
Currency = Annotated[str, Field(min_length=3, max_length=3), AfterValidator(_currency), _described("^[A-Z]{3}$")]
OptionalCurrency = Annotated[
    str, Field(max_length=3), AfterValidator(lambda text: _currency(text) if text else ""), _described("^([A-Z]{3})?$")
]
Language = Annotated[str, Field(max_length=5), AfterValidator(_language), _described("^([a-z]{2}(-[A-Z]{2})?)?$")]
Country = Annotated[str, Field(max_length=2), AfterValidator(_country), _described("^([A-Z]{2})?$")]
TimeZone = Annotated[str, Field(max_length=60), AfterValidator(_time_zone), _described("^[A-Za-z0-9_+/-]+$")]
Iban = Annotated[str, Field(max_length=42), AfterValidator(_iban)]
Bic = Annotated[str, Field(max_length=14), AfterValidator(_bic)]
Moment = Annotated[AwareDatetime, BeforeValidator(_written_moment)]
Whole = BeforeValidator(_whole_number)
"""For whole numbers, after their bounds: before them, the bounds would be missing in the description."""
ExactDecimal = Annotated[
    Decimal,
    BeforeValidator(_decimal),
    WithJsonSchema({"anyOf": [{"type": "string", "pattern": r"^\d{1,15}(\.\d{1,15})?$"}, {"type": "number"}]}),
]
Metadata = Annotated[
    dict[Annotated[str, Field(min_length=1, max_length=40), Line], Annotated[str, Field(max_length=500), Paragraphs]],
    Field(max_length=20),
]


def _filled(text: str) -> str:
    if not text:
        raise ValueError("must not be blank")
    return text


def given(request: BaseModel) -> dict[str, Any]:
    """Only the fields that the caller sent, as they were parsed."""
    return {name: getattr(request, name) for name in request.model_fields_set}
