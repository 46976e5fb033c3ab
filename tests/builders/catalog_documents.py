"""Catalog documents, as JSON values and as YAML."""

from __future__ import annotations

from pathlib import Path
from typing import Any

MINIMAL_YAML = (Path(__file__).parents[1] / "catalogs" / "minimal.yaml").read_text("utf-8")
ALWAYS = {"policy": "always"}
ONCE = {"policy": "once"}
HOURLY = {"policy": "cooldown", "interval": "1h"}


def groups(*keys: str) -> list[dict[str, Any]]:
    """Build groups with these keys."""
    return [{"key": key, "name": key.title(), "icon": "cart"} for key in keys]


def definition(key: str, *events: str, **fields: Any) -> dict[str, Any]:
    """Build a definition that counts each of these events, for ten points and 5 XP."""
    return {
        "key": key,
        "name": key.title(),
        "group": "purchase",
        "icon": "trophy",
        "default_points": 10,
        "events": list(events),
        "dedup": ALWAYS,
        "xp": 5,
        **fields,
    }


def document(account: str = "acme", **sections: Any) -> dict[str, Any]:
    """Build a document with the group `purchase` and the definition `won`."""
    return {
        "engagement_catalog": 1,
        "account": account,
        "name": account.title(),
        "engagement": True,
        "sales": True,
        "groups": groups("purchase"),
        "definitions": [definition("won", "deal.won")],
        "profiles": [
            {"key": "lead_score", "name": "Lead score", "primary": True, "inherits": True, "published": True}
        ],
        **sections,
    }


def dedup_document(dedup: dict[str, str], account: str = "acme") -> dict[str, Any]:
    """Build a document whose only definition, `won`, has this dedup policy."""
    return document(account, definitions=[definition("won", "deal.won", dedup=dedup)])


def weights_document(account: str = "acme", **weights: int) -> dict[str, Any]:
    """Build a document of the definitions `won` and `lost`, with these weights in the primary profile."""
    profile = {
        "key": "lead_score",
        "name": "Lead score",
        "primary": True,
        "published": True,
        "weights": weights,
    }
    return document(
        account,
        groups=groups("purchase", "support"),
        definitions=[definition("won", "deal.won"), definition("lost", "deal.lost", group="support")],
        profiles=[profile],
    )
