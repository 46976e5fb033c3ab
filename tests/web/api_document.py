"""The API's OpenAPI document, made once for all tests of a process: it takes most of a second."""

from __future__ import annotations

from functools import cache
from typing import Any
from unittest.mock import MagicMock

from consumer.web.api_application import application


@cache
def api_document() -> dict[str, Any]:
    """Return the document that every application of these routes serves; never change it."""
    return application(*[MagicMock()] * 4, limits=MagicMock(), live=MagicMock()).openapi()
