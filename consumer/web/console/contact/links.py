"""Addresses made of what events say about a contact: only those that lead where they seem to."""

from __future__ import annotations

import re
from typing import Final
from urllib.parse import quote, urlsplit

_EMAIL: Final = re.compile(r"[^\s@<>\"',;:\\()\[\]]+@[^\s@<>\"',;:\\()\[\]]+\.[A-Za-z0-9-]+")
_PHONE: Final = re.compile(r"\+?[0-9 ()./-]{3,40}")


def web_address(text: str | None) -> str | None:
    """Return an address of a web page as it is; None for any other, such as `javascript:`."""
    if text is None:
        return None
    try:
        parts = urlsplit(text)
    except ValueError:
        return None
    return text if parts.scheme in {"http", "https"} and parts.netloc else None


def mail_address(text: str | None) -> str | None:
    """Return the link that writes a mail; None where the text is no e-mail address."""
    return f"mailto:{quote(text, safe='@')}" if text and _EMAIL.fullmatch(text) else None


def phone_address(text: str | None) -> str | None:
    """Return the link that calls; None where the text is no phone number."""
    return f"tel:{re.sub(r'[^0-9+]', '', text)}" if text and _PHONE.fullmatch(text) else None
