"""`/docs`: pages of the API, served whole by the process itself, without a token."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.web.api_client import Api


async def test_everything_that_the_page_loads_is_served_here(api: Api) -> None:
    """The page names only files beside it, each of which is there with its type; nothing is inline."""
    page = await api.client.get("/docs")
    assert page.status_code == 200
    assert page.headers["content-type"].startswith("text/html")
    named = re.findall(r'(?:src|href)="([^"]+)"', page.text)
    files = {name for name in named if not name.startswith("data:")}
    assert files == {"docs/swagger-ui.css", "docs/swagger-ui-bundle.js", "docs/start.js"}
    for name in files:
        answer = await api.client.get(f"/{name}")
        assert answer.status_code == 200
        kind = "text/css" if name.endswith(".css") else "text/javascript"
        assert answer.headers["content-type"].startswith(kind)
        assert answer.headers["x-content-type-options"] == "nosniff"
    assert re.findall(r"<script[^>]*>[^<]", page.text) == []
    assert "<style" not in page.text


async def test_the_policy_is_strict(api: Api) -> None:
    """Neither inline script or style nor anything of another origin may run; no other site may frame the page."""
    policy = (await api.client.get("/docs")).headers["content-security-policy"]
    directives = dict(each.strip().split(" ", 1) for each in policy.split(";"))
    assert directives["default-src"] == "'none'"
    assert directives["script-src"] == directives["style-src"] == directives["connect-src"] == "'self'"
    assert directives["frame-ancestors"] == "'none'"
    assert not re.search(r"unsafe|http|\*", policy)


async def test_it_shows_the_document_of_this_service(api: Api) -> None:
    """The script reads the document beside the page, and sends it to no validator."""
    script = (await api.client.get("/docs/start.js")).text
    assert 'url: "openapi.json"' in script
    assert "validatorUrl: null" in script
    assert (await api.client.get("/openapi.json")).json()["info"]["title"] == "Engagement"
