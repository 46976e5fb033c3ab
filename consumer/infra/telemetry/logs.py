"""How the process logs: structlog and the standard library through one door, on standard error.

Owns format, level and time stamps. Never decides what is worth a line.
"""

from __future__ import annotations

import logging
import sys
from typing import TYPE_CHECKING, Any, TextIO

import structlog

if TYPE_CHECKING:
    from structlog.typing import Processor

Logger = structlog.stdlib.BoundLogger


def configure(level: str = "info", form: str = "json", stream: TextIO | None = None) -> None:
    """Send every line of this process, of libraries too, to `stream` (standard error unless given).

    level: 'debug', 'info', 'warning' or 'error'. form: 'json', one object a line, or 'console' for reading.
    May be called again; the last call holds.
    """
    target = stream or sys.stderr
    shared: list[Processor] = [
        structlog.contextvars.merge_contextvars,
        structlog.stdlib.add_logger_name,
        structlog.stdlib.add_log_level,
        structlog.stdlib.PositionalArgumentsFormatter(),
        structlog.processors.TimeStamper(fmt="iso", utc=True, key="at"),
    ]
    structlog.configure(
        processors=[*shared, structlog.stdlib.ProcessorFormatter.wrap_for_formatter],
        wrapper_class=structlog.stdlib.BoundLogger,
        logger_factory=structlog.stdlib.LoggerFactory(),
        # Loggers made at import outlive a second call, as tests make it.
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
        # Ours alone: a test runner's own handlers stay.
        if isinstance(old.formatter, structlog.stdlib.ProcessorFormatter):
            root.removeHandler(old)
    root.addHandler(handler)
    root.setLevel(level.upper())
    # These say each thing they do at info; what they do is ours to tell.
    for chatty in ("aiokafka", "asyncio", "uvicorn", "httpx"):
        logging.getLogger(chatty).setLevel(max(logging.WARNING, logging.getLevelName(level.upper())))
    logging.captureWarnings(capture=True)


def get(name: str) -> Logger:
    """Return the logger of a module; `get(__name__)`."""
    logger: Logger = structlog.stdlib.get_logger(name)
    return logger


def _rendering(form: str, target: TextIO) -> list[Processor]:
    if form == "console":
        renderer: Any = structlog.dev.ConsoleRenderer(colors=target.isatty(), timestamp_key="at")
        return [structlog.stdlib.ProcessorFormatter.remove_processors_meta, renderer]
    return [
        structlog.stdlib.ProcessorFormatter.remove_processors_meta,
        structlog.processors.format_exc_info,
        structlog.processors.JSONRenderer(default=str, ensure_ascii=False),
    ]
