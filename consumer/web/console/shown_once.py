"""Secrets that the API gives once: a cookie carries them from the change to the page that shows them.

The page after a change is got by an address of its own, so that a reload makes no second key.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from consumer.web.console import cookies

if TYPE_CHECKING:
    from collections.abc import Mapping

    from starlette.responses import Response

    from consumer.web.console.visit import Visit

_COOKIE: Final = "engagement_secret"


def carry(visit: Visit, response: Response, subject: str, secrets: Mapping[str, str]) -> Response:
    """Return an answer that leads to the page of `subject`, with the secrets that it shows."""
    content = {"subject": subject, "secrets": dict(secrets)}
    cookies.carry(visit.request, response, visit.session, _COOKIE, content, same_site="strict")
    return response


def carried(visit: Visit, subject: str) -> dict[str, str]:
    """Return the secrets that the page of `subject` has to show; empty: none."""
    found = cookies.carried(visit.request, visit.session, _COOKIE)
    if found is None or found["subject"] != subject:
        return {}
    secrets: dict[str, str] = found["secrets"]
    return secrets


def forget(response: Response) -> Response:
    """Return the answer that has shown them."""
    cookies.forget(response, _COOKIE)
    return response
