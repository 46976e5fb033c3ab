"""Tokens of the tracker as tests make them: over the API."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from tests.web.api_client import Client


async def make_token(client: Client, **settings: Any) -> dict[str, Any]:
    """Create a token; returns the answer, with its key."""
    made = await client.post("/tracker-tokens", json={"name": "Shop", **settings})
    assert made.status_code == 201, made.text
    token: dict[str, Any] = made.json()
    return token
