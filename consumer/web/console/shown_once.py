"""Secrets that the API gives once: a cookie carries them from the change to the page that shows them.

The page after a change is got by an address of its own, so that a reload makes no second key.
"""

from __future__ import annotations

import base64
import binascii
import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_COOKIE: Final = "engagement_secret"
# Seconds that a secret waits for its page.
_SECONDS: Final = 60


def carry(visit: Visit, response: Response, subject: str, secrets: Mapping[str, str]) -> Response:
    """Return an answer that leads to the page of `subject`, with the secrets that it shows."""
    sent = json.dumps({"subject": subject, "secrets": dict(secrets)}).encode()
    response.set_cookie(
        _COOKIE,
        base64.urlsafe_b64encode(sent).decode(),
        max_age=_SECONDS,
        path="/console",
        secure=visit.request.url.scheme == "https",
        httponly=True,
        samesite="strict",
    )
    return response


def carried(visit: Visit, subject: str) -> dict[str, str]:
    """Return the secrets that the page of `subject` has to show; empty: none."""
    try:
        found = json.loads(base64.urlsafe_b64decode(visit.request.cookies.get(_COOKIE, "")))
        return (
            {str(name): str(text) for name, text in found["secrets"].items()}
            if found["subject"] == subject
            else {}
        )
    except (ValueError, KeyError, TypeError, AttributeError, binascii.Error):
        return {}


def forget(response: Response) -> Response:
    """Return the answer that has shown them."""
    response.delete_cookie(_COOKIE, path="/console")
    return response
