"""Finds the route of a request by one regular expression for each method.

FastAPI asks one router after the other, and each of them twice, whether it has a route for the path. What is not
found here it looks for as before: so it answers 404 and 405.
"""

from __future__ import annotations

import re
from collections import defaultdict
from typing import TYPE_CHECKING, Any
from urllib.parse import unquote

from fastapi.routing import APIRoute, iter_route_contexts
from starlette.routing import BaseRoute, Match

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from fastapi.routing import RouteContext
    from starlette.types import Receive, Scope, Send

_NAMED_GROUP = re.compile(r"\(\?P<\w+>")
# No text that was sent has it: it is no Unicode.
_SLASH = "\udc2f"
# In the scope of a request, where its route was found here.
_FOUND = "engagement.route"


class RouteTable(BaseRoute):
    """One route in the place of all routes of an application, to be put before them."""

    def __init__(self, routes: Sequence[BaseRoute]) -> None:
        by_method: defaultdict[str, list[RouteContext]] = defaultdict(list)
        for route in iter_route_contexts(routes):
            if isinstance(route.original_route, APIRoute):
                for method in route.methods or ():
                    by_method[method].append(route)
        self._routes = {method: (_first_of(routes), routes) for method, routes in by_method.items()}

    def matches(self, scope: Scope) -> tuple[Match, Scope]:
        """Find the first route of the method that the path fits."""
        if scope["type"] == "http" and scope["method"] in self._routes:
            pattern, routes = self._routes[scope["method"]]
            path = _parted(scope)
            found = pattern.match(path)
            if found is not None and found.lastindex is not None:
                route = routes[found.lastindex - 1]
                match, more = route.matches({**scope, "path": path})
                if path is not scope["path"]:
                    more["path_params"] = _whole(more["path_params"])
                return match, {**more, "route": route.original_route, _FOUND: route}
        return Match.NONE, {}

    async def handle(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a request by the route that was found."""
        await scope[_FOUND].app(scope, receive, send)


def _parted(scope: Scope) -> str:
    """Return the path, with `_SLASH` for each slash that was sent as %2F: it parts nothing, but belongs to an id.

    So the contact `ann/timeline` has an address beside that of ann's timeline.
    """
    raw: bytes = scope.get("raw_path") or b""
    if b"%2f" not in raw.lower():
        path: str = scope["path"]
        return path
    return "/".join(unquote(part.decode("latin-1")).replace("/", _SLASH) for part in raw.split(b"/"))


def _whole(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {
        name: value.replace(_SLASH, "/") if isinstance(value, str) else value
        for name, value in parameters.items()
    }


def _first_of(routes: Sequence[RouteContext]) -> re.Pattern[str]:
    """Return a pattern that fits the paths of all routes; its last group is the number of the first that fits."""
    return re.compile("|".join(f"{_NAMED_GROUP.sub('(?:', route.path_regex.pattern)}()" for route in routes))
