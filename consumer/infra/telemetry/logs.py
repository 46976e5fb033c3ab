"""Configures logging: structlog and the standard library in one format, on standard error."""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, TextIO

import structlog

from consumer.infra.telemetry.repeated_lines import RepeatedLinesFilter

if TYPE_CHECKING:
    from structlog.typing import EventDict, Processor

Logger = structlog.stdlib.BoundLogger

# Libraries that log each of their steps at info, which our own lines cover, and repeat a warning with each attempt.
_CHATTY = ("aiokafka", "asyncio", "uvicorn", "httpx")


def configure(
    level: str = "info", form: str = "json", stream: TextIO | None = None, *, process: int | None = None
) -> None:
    """Send all log lines of this process, those of libraries too, to `stream` (default: standard error).

    level: 'debug', 'info', 'warning' or 'error'. form: 'json', one object a line, or 'console' for people.
    process: its number, where a worker has several; each line has it. The last call wins.
    """
    target = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    if process is not None:
        shared.append(_tag("process", process))
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        # Loggers created at import have to follow a second call, as tests make it.
        cache_logger_on_first_use=False,
    )
    handler = logging.StreamHandler(target)
    handler.setFormatter(
        structlog.stdlib.ProcessorFormatter(
            foreign_pre_chain=[*shared, structlog.stdlib.ExtraAdder()], processors=_rendering(form, target)
        )
    )
    root = logging.getLogger()
    for old in root.handlers[:]:
        # Only our own: a test runner's handlers stay.
        if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(old)
    handler.addFilter(RepeatedLinesFilter(_CHATTY))
    root.addHandler(handler)
    root.setLevel(level.upper())
    for chatty in _CHATTY:
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
    logging.captureWarnings(capture=True)


def get(name: str) -> Logger:
    """Return the logger of a module; `get(__name__)`."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger


def _tag(key: str, value: int) -> Processor:
    # Not a context variable: libraries log from threads too, which do not have it.
    def add(_logger: Any, _method: str, entry: EventDict) -> EventDict:
        entry[key] = value
        return entry

    return add


def _rendering(form: str, target: TextIO) -> list[Processor]:
    if form == "console":
        renderer: Any = structlog.dev.ConsoleRenderer(colors=target.isatty(), timestamp_key="at")
        return [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
    ]
