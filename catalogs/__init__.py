"""Package data: the starting catalog, the closed list of icons, and the rules about robots.

Owns reading the files. Never interprets them; consumer/catalog and consumer/web/tracker/robots do.
"""

from __future__ import annotations

from importlib.resources import files

_ACCOUNT = "\naccount: acme\nname: Acme Inc.\n"


def starting(account: str = "acme", name: str = "Acme Inc.") -> str:
    """Return the text of the starting catalog as a document of an account.

    account, name: written as they are, so they must be plain YAML text.
    """
    text = (files("catalogs") / "starting.yaml").read_text("utf-8")
    return text.replace(_ACCOUNT, f"\naccount: {account}\nname: {name}\n", 1)


def icons() -> str:
    """Return the text of the list of icons."""
    return (files("catalogs") / "icons.yaml").read_text("utf-8")


def robots() -> str:
    """Return the text of the rules by which robots are recognised."""
    return (files("catalogs") / "robots.yaml").read_text("utf-8")
