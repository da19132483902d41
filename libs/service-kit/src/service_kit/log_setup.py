"""One structured log on standard output for our lines and the libraries' lines alike, redacted at its last step.

The redaction runs after exceptions have become text, so a secret inside a traceback is caught as well.
"""

import logging
import sys
from typing import Any, TextIO

import structlog
from structlog.types import EventDict, Processor, WrappedLogger

from service_kit import correlation
from service_kit.redaction import redact, redact_text

_QUIET = {
    "aio_pika": "WARNING",
    "aiormq": "ERROR",
    "httpx": "WARNING",
    "uvicorn.access": "WARNING",
    "asyncio": "WARNING",
}


def configure_logging(
    *, service: str, log_format: str = "json", level: str = "INFO", stream: TextIO | None = None
) -> None:
    """Once per process, at start. ``log_format`` is ``json`` or ``console``; ``level`` a name such as ``INFO``."""
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        _add_correlation,
        structlog.stdlib.add_log_level,
        structlog.stdlib.add_logger_name,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.format_exc_info,
        _Named(service),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        logger_factory=structlog.stdlib.LoggerFactory(),
        wrapper_class=structlog.stdlib.BoundLogger,
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(stream or sys.stdout)
    handler.setFormatter(_formatter(shared=shared, log_format=log_format))
    root = logging.getLogger()
    root.handlers = [handler]
    root.setLevel(level.upper())
    for name, quieter in _QUIET.items():
        logging.getLogger(name).setLevel(quieter)


def get_logger(name: str = "service") -> structlog.stdlib.BoundLogger:
    logger: structlog.stdlib.BoundLogger = structlog.stdlib.get_logger(name)
    return logger


def _formatter(*, shared: list[Processor], log_format: str) -> logging.Formatter:
    renderer: Processor
    if log_format == "console":
        renderer = structlog.dev.ConsoleRenderer(colors=False, exception_formatter=structlog.dev.plain_traceback)
    else:
        renderer = structlog.processors.JSONRenderer(ensure_ascii=True)
    return structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=shared,
        processors=[
            structlog.stdlib.ProcessorFormatter.remove_processors_meta,
            _redact_values,
            renderer,
            _redact_line,
        ],
    )


class _Named:
    def __init__(self, service: str) -> None:
        self.service = service

    def __call__(self, _logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
        event["service"] = self.service
        return event


def _add_correlation(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    if correlation.is_bound():
        now = correlation.current()
        event.setdefault("correlation_id", now.correlation_id)
        event.setdefault("trace_id", now.traceparent[3:35])
    return event


def _redact_values(_logger: WrappedLogger, _method: str, event: EventDict) -> EventDict:
    cleaned: EventDict = redact(event)
    return cleaned


def _redact_line(_logger: WrappedLogger, _method: str, line: Any) -> str:
    return redact_text(str(line))
