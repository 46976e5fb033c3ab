"""The preview of a publish: computed while the page is sent, for it reads every contact.

The page comes in parts: its head at once, then how far the work is, then the result. That needs no script, and
closing the page ends the work.
"""

from __future__ import annotations

import asyncio
from contextlib import AsyncExitStack
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, Final

import structlog
from starlette.responses import StreamingResponse

from consumer.web.console.api_client import ApiProblem
from consumer.web.console.profiles.preview_result import PreviewResult, read_result, read_samples
from consumer.web.console.profiles.profile_page import load

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from starlette.responses import Response

    from consumer.web.console.profiles.kept_previews import Kept, KeptPreviews
    from consumer.web.console.profiles.profile_page import ProfilePage
    from consumer.web.console.visit import Visit

log = structlog.get_logger(__name__)

# Seconds between attempts to begin.
_PAUSES: Final = (0.3, 0.6)
# Where the page is cut: what comes before it is sent while the work goes on.
_CUT: Final = "<!-- the result -->"
# Not compressed: parts would wait in the compressor.
_STREAM: Final = {"Content-Encoding": "identity", "X-Accel-Buffering": "no"}
_MOST_SAMPLES: Final = 20


async def show(visit: Visit) -> Response:
    """Show what publishing the draft would change."""
    page = await load(visit)
    if not page.may_change:
        return page.show("profiles/preview.html", "preview", result=None, refused=True)
    samples = _asked_samples(visit)
    kept = _previews(visit).find(page.visit.key, page.key, page.profile["revision"])
    if kept is not None and not visit.request.query_params.get("again"):
        result = await read_result(page, kept, samples)
        return page.show("profiles/preview.html", "preview", result=result, refused=False)
    work = AsyncExitStack()
    try:
        lines = await _begin(page, work)
    except ApiProblem as problem:
        return page.show("profiles/preview_refused.html", "preview", status=problem.status, problem=problem)
    return _Streamed(_parts(page, samples, lines), work)


async def _begin(page: ProfilePage, work: AsyncExitStack) -> AsyncIterator[dict[str, Any]]:
    """Begin a preview. One of this account that has just lost its page, as by a reload, is waited for a moment."""
    for pause in (*_PAUSES, None):
        try:
            return await work.enter_async_context(page.visit.api.lines(f"{page.path}/preview", {}))
        except ApiProblem as problem:
            if pause is None or problem.status != HTTPStatus.CONFLICT:
                raise
            await asyncio.sleep(pause)
    raise AssertionError("the last attempt returns or raises")


async def show_samples(visit: Visit) -> Response:
    """Show what a publish would make of the contacts that the address names, without comparing all others."""
    page = await load(visit)
    asked = _asked_samples(visit)
    response = page.show("profiles/samples.html", "preview", samples=await read_samples(page, asked, ()))
    # Of the page that has them beside the preview: this one is a part of it for scripts.
    response.headers["HX-Push-Url"] = page.url("preview", contact=", ".join(asked))
    return response


def _previews(visit: Visit) -> KeptPreviews:
    previews: KeptPreviews = visit.request.app.state.previews
    return previews


class _Streamed(StreamingResponse):
    """A page in parts. work: ends when the page has been sent, or nobody reads it any more."""

    def __init__(self, parts: AsyncIterator[str], work: AsyncExitStack) -> None:
        super().__init__(parts, media_type="text/html", headers=_STREAM)
        self._work = work

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            await self._work.aclose()


async def _parts(
    page: ProfilePage, samples: list[str], lines: AsyncIterator[dict[str, Any]]
) -> AsyncIterator[str]:
    visit = page.visit
    whole = visit.render("profiles/preview.html", **page.frame("preview"), result=None, refused=False)
    head, _, foot = whole.partition(_CUT)
    yield head
    try:
        async for line in lines:
            if (progress := line.get("progress")) is not None:
                yield visit.render("profiles/preview_progress.html", progress=progress)
            elif (problem := line.get("problem")) is not None:
                yield _failed(page, problem["detail"])
            else:
                kept = _previews(visit).keep(visit.key, page.key, line["preview"])
                yield await _result(page, kept, samples)
    except Exception:
        # The head of the page is sent: its end says that it failed.
        log.exception("preview failed", profile=page.key)
        yield _failed(page, visit.say("An unexpected error occurred and was logged."))
    yield foot


def _failed(page: ProfilePage, detail: str) -> str:
    return page.visit.render("profiles/preview_failed.html", page=page, detail=detail)


async def _result(page: ProfilePage, kept: Kept, samples: list[str]) -> str:
    try:
        result: PreviewResult = await read_result(page, kept, samples)
    except ApiProblem as problem:
        return _failed(page, problem.detail)
    return page.visit.render(
        "profiles/preview_result.html", **page.frame("preview"), result=result, refused=False
    )


def _asked_samples(visit: Visit) -> list[str]:
    """Return the ids of contacts that the address names: in parameters, each of one or of several with commas."""
    asked = visit.request.query_params.getlist("contact")
    ids = (each.strip() for text in asked for each in text.replace(",", "\n").splitlines())
    return [*dict.fromkeys(each for each in ids if each)][:_MOST_SAMPLES]
