"""The description of the API for people, at ``/docs``: written from the OpenAPI document once, at its first reading."""

from functools import cache

from fastapi import APIRouter, FastAPI
from fastapi.responses import HTMLResponse

from invoice_service.api.page_answers import page
from invoice_service.api.problem_codes import codes_by_status
from invoice_service.api.route_needs import needs_by_operation
from invoice_service.api_reference_html import write_reference
from invoice_service.api_reference_view import Facts
from invoice_service.page_writing import WrittenPage


def reference_router(api: FastAPI) -> APIRouter:
    """For ``api`` with all of its routes; it describes no page, this one included."""
    router = APIRouter(include_in_schema=False)

    @cache
    def written() -> WrittenPage:
        return write_reference(api.openapi(), Facts(needs_by_operation(api.routes), codes_by_status()))

    # Not async: writing takes a moment, and the other requests need not wait for it.
    @router.api_route("/docs", methods=["GET", "HEAD"], name="api_reference")
    def show() -> HTMLResponse:
        return page(written())

    return router
