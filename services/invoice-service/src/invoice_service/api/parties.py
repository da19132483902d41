"""Addresses and bank details as requests say them."""

from typing import Annotated

from pydantic import Field

from invoice_service.api.request_fields import Bic, Country, Iban, LongText, Request, ShortText

PostalCode = Annotated[ShortText, Field(max_length=20)]


class AddressBody(Request):
    line1: ShortText = ""
    line2: ShortText = ""
    postal_code: PostalCode = ""
    city: ShortText = ""
    region: ShortText = ""
    country: Country = ""
    """ISO 3166-1 alpha-2, or empty."""


class BankDetailsBody(Request):
    account_holder: ShortText = ""
    iban: Iban = ""
    bic: Bic = ""
    bank_name: ShortText = ""
    other: LongText = ""
    """Anything else that a payer needs, such as a sort code."""
