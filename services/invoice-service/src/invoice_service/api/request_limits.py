"""How much one caller may ask for, and how often a stranger may be wrong."""

from fastapi import Request

from invoice_service.dependencies import Dependencies


async def limit_caller(request: Request, parts: Dependencies, *, caller: str) -> None:
    """Counts one request of ``caller``. Raises `service_kit.errors.TooManyRequests`."""


async def limit_stranger(request: Request, parts: Dependencies, *, failed: bool = False) -> None:
    """``failed`` counts one wrong key or session of this address; without it, an address that was wrong too often is
    turned away before anything is looked up. Raises `service_kit.errors.TooManyRequests`."""
