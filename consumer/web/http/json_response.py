"""JSON values as a response, for routes with many items: a model for each costs ten times as much as encoding it.

The route names the model that documents the response (`response_model`); a test holds the response against it.
"""

from __future__ import annotations

from typing import Any

import msgspec
from starlette.responses import Response


class JsonResponse(Response):
    """JSON values, enums and dataclasses as msgspec encodes them."""

    media_type = "application/json"

    def render(self, content: Any) -> bytes:
        """Encode the content."""
        return msgspec.json.encode(content)
