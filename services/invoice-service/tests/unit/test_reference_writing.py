"""The reference page from small descriptions: hostile ones, schemas that hold themselves, bounds in words, requests."""

import re
from typing import Any

import pytest
from invoice_service.api_reference_fields import SchemaReader
from invoice_service.api_reference_html import write_reference
from invoice_service.api_reference_requests import curl_lines
from invoice_service.api_reference_text import Piece, Style, line_of, paragraphs_of
from invoice_service.api_reference_view import Facts, ProblemCode
from invoice_service.domain.permissions import Permission

HOSTILE = "</code></style><script>alert(1)</script>\" onload='x' `<img src=x>` **<b>** *<i>*"


def test_text_becomes_pieces_and_no_emphasis_begins_inside_of_code() -> None:
    assert line_of("Send `a **b** c`, **not `d`** or *e* at 2*3*4.") == (
        Piece("Send "),
        Piece("a **b** c", Style.CODE),
        Piece(", **not "),
        Piece("d", Style.CODE),
        Piece("** or "),
        Piece("e", Style.EM),
        Piece(" at 2*3*4."),
    )
    assert line_of("**Amounts** are integers")[0] == Piece("Amounts", Style.STRONG)


def test_a_blank_line_parts_paragraphs_and_a_line_break_is_a_space() -> None:
    assert paragraphs_of("One\ntwo.\n\n  Three.\n") == ((Piece("One two."),), (Piece("Three."),))
    assert paragraphs_of("") == ()


@pytest.mark.parametrize(
    ("schema", "kind", "bounds"),
    [
        ({"type": "string", "minLength": 1, "maxLength": 200}, "string", ("1 to 200 characters",)),
        ({"type": "string", "minLength": 3, "maxLength": 3, "default": ""}, "string", ("3 characters",)),
        ({"type": "integer", "minimum": 0.0, "maximum": 365.0, "default": 14}, "integer", ("0 to 365", "default 14")),
        ({"type": "integer", "minimum": 0}, "integer", ("at least 0",)),
        ({"type": "integer", "maximum": 999999999999}, "integer", ("up to 999999999999",)),
        ({"type": "array", "items": {"type": "string"}, "maxItems": 1}, "array of string", ("up to 1 item",)),
        (
            {"type": "object", "additionalProperties": {"type": "string"}, "maxProperties": 20},
            "object with any names, each a string",
            ("up to 20 entries",),
        ),
        ({"type": "string", "format": "date-time"}, "moment", ()),
        ({"type": "string", "pattern": "^cus_[0-7][0-9a-hjkmnp-tv-z]{25}$"}, "id cus_…", ()),
        (
            {"anyOf": [{"type": "string", "pattern": r"^\d{1,15}$"}, {"type": "number"}], "default": "0"},
            "decimal, as string or number",
            ("default 0",),
        ),
    ],
)
def test_bounds_are_said_in_words(schema: dict[str, Any], kind: str, bounds: tuple[str, ...]) -> None:
    field = SchemaReader({}).field("any", schema, needed=False)

    assert (field.kind.text, field.bounds) == (kind, bounds)


def test_values_and_null_are_said_of_what_a_reference_names() -> None:
    reader = SchemaReader({"Colour": {"type": "string", "enum": ["red", "green"]}})

    one = reader.kind_of({"anyOf": [{"$ref": "#/components/schemas/Colour"}, {"type": "null"}]})
    some = reader.kind_of({"type": "array", "items": {"$ref": "#/components/schemas/Colour"}})

    assert (one.text, one.values, one.or_null) == ("one of", ("red", "green"), True)
    assert (some.text, some.values, some.or_null) == ("array of", ("red", "green"), False)


def test_a_schema_that_holds_itself_is_opened_once() -> None:
    again = {"type": "array", "items": {"$ref": "#/components/schemas/Folder"}}
    reader = SchemaReader({"Folder": {"properties": {"name": {"type": "string"}, "folders": again}}})

    fields = reader.fields_of({"$ref": "#/components/schemas/Folder"})
    around = reader.field("top", again, needed=False)

    assert [(field.name, field.inner) for field in fields] == [("name", ()), ("folders", ())]
    assert [(field.name, field.inner) for field in around.inner] == [("name", ()), ("folders", ())]


def test_a_request_is_quoted_for_a_shell() -> None:
    operation = {
        "parameters": [
            {"name": "thing_id", "in": "path", "required": True},
            {"name": "q", "in": "query", "example": 'a"$(id)`b'},
            {"name": "If-Match", "in": "header", "required": True},
            {"name": "Idempotency-Key", "in": "header"},
        ],
        "requestBody": {"content": {"application/json": {"example": {"note": "it's $HOME"}}}},
        "responses": {"200": {}},
    }

    lines = curl_lines(
        method="PATCH",
        path="/v1/things/{thing_id}",
        operation=operation,
        known={"thing_id": "a/$b"},
        session_cookie="",
    )

    assert lines.splitlines()[0] == 'curl "$API/v1/things/a%2F%24b?q=a%22%24%28id%29%60b" \\'
    assert lines.splitlines()[1] == "  -X PATCH \\"
    assert """-H 'If-Match: "1"'""" in lines
    assert '-H "Idempotency-Key: $(uuidgen)"' in lines
    assert """-d '{\n  "note": "it'"'"'s $HOME"\n}'""" in lines


def test_an_operation_of_a_session_takes_the_cookie_and_no_key() -> None:
    lines = curl_lines(
        method="DELETE", path="/v1/session", operation={"responses": {"204": {}}}, known={}, session_cookie="ic"
    )

    assert '"Cookie: ic=$SESSION"' in lines
    assert '"X-CSRF-Token: $CSRF"' in lines
    assert "$KEY" not in lines


def test_hostile_text_is_only_ever_text() -> None:
    page = write_reference(
        _described_by(HOSTILE), Facts({"do_it": Permission.INVOICES_READ}, {409: [ProblemCode(HOSTILE, HOSTILE)]})
    )

    body = page.html[page.html.index("<body>") :]
    assert "<script" not in page.html
    assert "<img" not in page.html
    assert page.html.count("</style>") == 1
    assert re.findall(r"<[^>]*\sonload", body) == []
    assert body.count("&lt;script&gt;") >= 12


def _described_by(text: str) -> dict[str, Any]:
    schema = {"type": "object", "description": text, "properties": {text: {"type": "string", "description": text}}}
    return {
        "info": {"title": text, "version": text, "description": text},
        "tags": [{"name": "things", "description": text}],
        "paths": {
            f"/v1/{text}": {
                "post": {
                    "operationId": "do_it",
                    "tags": ["things"],
                    "summary": text,
                    "description": text,
                    "parameters": [
                        {
                            "name": text,
                            "in": "query",
                            "description": text,
                            "example": text,
                            "schema": {"enum": [text], "default": text, "pattern": text},
                        }
                    ],
                    "requestBody": {
                        "content": {
                            "application/json": {
                                "schema": {"$ref": "#/components/schemas/Thing"},
                                "example": {text: text},
                            }
                        }
                    },
                    "responses": {
                        "200": {
                            "description": f"{text} too",
                            "content": {
                                "application/json": {
                                    "schema": {"$ref": "#/components/schemas/Thing"},
                                    "example": {text: text},
                                }
                            },
                        },
                        "409": {},
                    },
                }
            }
        },
        "components": {"schemas": {"Thing": schema}, "responses": {"Problem409": {"description": text}}},
    }
