"""Identifiers: the text form and the UUID convert without loss, and nothing else is taken for an identifier."""

from uuid import UUID

import pytest
from contracts.ids import InvoiceId, MalformedId, format_id, parse_id
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError

INVOICE_ID: TypeAdapter[UUID] = TypeAdapter(InvoiceId)


@given(value=st.uuids())
def test_an_id_survives_its_text_form(value: UUID) -> None:
    assert parse_id("inv", format_id("inv", value)) == value
    assert INVOICE_ID.validate_json(INVOICE_ID.dump_json(value)) == value


@given(first=st.uuids(), second=st.uuids())
def test_text_forms_sort_as_their_uuids_do(first: UUID, second: UUID) -> None:
    assert (format_id("inv", first) < format_id("inv", second)) == (first.int < second.int)


def test_a_known_id_has_its_known_text() -> None:
    assert format_id("inv", UUID(int=0)) == "inv_00000000000000000000000000"
    assert format_id("mail", UUID(int=32)) == "mail_00000000000000000000000010"
    assert format_id("inv", UUID(int=2**128 - 1)) == "inv_7zzzzzzzzzzzzzzzzzzzzzzzzz"


@pytest.mark.parametrize(
    "text",
    [
        "",
        "inv_",
        "inv_0",
        "00000000000000000000000000",
        "cus_00000000000000000000000000",
        "inv_0000000000000000000000000",
        "inv_000000000000000000000000000",
        "inv_0000000000000000000000000u",
        "inv_0000000000000000000000000I",
        "inv_0000000000000000000000000Z",
        "inv_80000000000000000000000000",
        "inv_٠0000000000000000000000000",
        "INV_00000000000000000000000000",
        " inv_00000000000000000000000000",
        "inv_00000000000000000000000000\n",
        "00000000-0000-0000-0000-000000000000",
    ],
)
def test_anything_else_is_refused(text: str) -> None:
    with pytest.raises(MalformedId, match="starts with inv_"):
        parse_id("inv", text)
    with pytest.raises(ValidationError):
        INVOICE_ID.validate_python(text)


@pytest.mark.parametrize("value", [None, 7, 1.5, b"inv_00000000000000000000000000", ["inv"]])
def test_a_value_that_is_not_text_is_refused(value: object) -> None:
    with pytest.raises(ValidationError):
        INVOICE_ID.validate_python(value)
