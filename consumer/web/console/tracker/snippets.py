"""What to copy into sites, programs and e-mails: texts of docs/tracker.md, with key and address of the tracker."""

from __future__ import annotations

from importlib import resources
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

if TYPE_CHECKING:
    from consumer.web.console.visit import Visit


_FOLDER = resources.files(__package__) / "texts"
# As the texts have them.
_ADDRESS: Final = "https://events.example.com"
# Of the header by which browsers say where a request comes from.
_OWN: Final = "same-origin"
NO_KEY: Final = "WRITE_KEY"
TEXTS: Final = {
    name: (_FOLDER / f"{name}.txt").read_text("utf-8").strip()
    for name in ("site", "click", "server", "mail", "sign.python", "sign.js", "sign.php")
}


def filled(base: str, key: str) -> dict[str, str]:
    """Return the texts for a tracker's address and a key, by name."""
    return {name: text.replace(_ADDRESS, base).replace(NO_KEY, key) for name, text in TEXTS.items()}


def tracker_address(visit: Visit) -> str:
    """Return where the tracker is reached: as it was typed (`base`), or where this page is.

    Not as a link of elsewhere says: what is copied from here runs in the sites of the account.
    """
    is_typed = visit.request.headers.get("sec-fetch-site", _OWN) == _OWN
    typed = visit.request.query_params.get("base", "").strip().rstrip("/")
    here = str(visit.request.base_url).rstrip("/")
    try:
        parts = urlsplit(typed)
    except ValueError:
        return here
    is_address = parts.scheme in {"http", "https"} and parts.netloc and not (parts.query or parts.fragment)
    return typed if is_typed and is_address else here
