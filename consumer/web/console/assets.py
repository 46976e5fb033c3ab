"""Styles, scripts and htmx, as they are served: under a path that changes with their contents, kept by browsers.

The stylesheet is one, of the files of `static/styles/` in the order of their names in STYLES. Scripts are modules,
served as they are.
"""

from __future__ import annotations

import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Final

from starlette.responses import Response

if TYPE_CHECKING:
    from starlette.requests import Request

_STATIC = resources.files(__package__) / "static"
# Tokens first: all others use them. One file for each part of the navigation.
STYLES: Final = (
    "tokens",
    "base",
    "layout",
    "components",
    "charts",
    "leads",
    "segments",
    "contact",
    "embed",
    "tracker",
    "catalog",
    "profiles",
    "settings",
    "start",
    "activity",
    "health",
)
_TYPES = {".css": "text/css; charset=utf-8", ".js": "text/javascript; charset=utf-8"}
_FOR_EVER = "public, max-age=31536000, immutable"


def _files() -> dict[str, bytes]:
    styles = "\n".join((_STATIC / "styles" / f"{name}.css").read_text("utf-8") for name in STYLES)
    scripts = {
        f"scripts/{script.name}": script.read_bytes()
        for script in sorted((_STATIC / "scripts").iterdir(), key=lambda each: each.name)
        if script.name.endswith(".js")
    }
    htmx = resources.files("js_lib_htmx") / "static" / "htmx" / "htmx.min.js"
    return {"console.css": styles.encode(), "htmx.js": htmx.read_bytes(), **scripts}


FILES: Final = _files()
DIGEST: Final = hashlib.sha256(b"\0".join(name.encode() + body for name, body in FILES.items())).hexdigest()[
    :16
]


def url(name: str) -> str:
    """Return the address of a file, as pages name it."""
    if name not in FILES:
        raise LookupError(name)
    return f"/console/~assets/{DIGEST}/{name}"


async def serve(request: Request) -> Response:
    """Answer with a file; of another version of this program with the one that there is, unkept."""
    name = request.path_params["name"]
    if name not in FILES:
        return Response(status_code=404)
    kept = _FOR_EVER if request.path_params["digest"] == DIGEST else "no-store"
    media_type = _TYPES[name[name.rindex(".") :]]
    headers = {"Cache-Control": kept, "X-Content-Type-Options": "nosniff"}
    return Response(FILES[name], media_type=media_type, headers=headers)
