"""Texts that would run if a page put them into its markup as they are."""

from __future__ import annotations

SCRIPT = "<script>alert(1)</script>"
IMAGE = '"><img src=x onerror=alert(2)>'
TEXTS = (SCRIPT, IMAGE)


def is_escaped(page: str) -> bool:
    """Return whether none of the texts stands in a page as markup."""
    return SCRIPT not in page and "<img src=x" not in page
