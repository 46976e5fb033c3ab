"""Stream the progress of long work as lines of JSON (NDJSON), with the result last.

The work is cancelled when the connection closes: nothing to poll, nothing to clean up.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

from pydantic import BaseModel
from starlette.responses import StreamingResponse

from consumer.web.http.problems import ProblemDetails, problem_details, to_problem

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Awaitable, Callable

    from starlette.types import Receive, Scope, Send

    Work = Callable[[Callable[[int, int], None]], Awaitable[BaseModel]]

MEDIA_TYPE = "application/x-ndjson"
# Seconds between lines. Work that takes less is answered by its result alone, or by an ordinary problem response.
_LINE_INTERVAL = 0.5


class Progress(BaseModel, use_attribute_docstrings=True):
    """Contacts processed, and their total number; null before they are counted."""

    done: int
    """Contacts processed so far."""
    total: int | None
    """Contacts in all; null before they are counted."""


class StreamLine(BaseModel, use_attribute_docstrings=True):
    """A line of a stream; subclasses add the member with the result."""

    progress: Progress | None = None
    """How far the work is; in every line but the last."""
    problem: ProblemDetails | None = None
    """Why the work failed; in the last line."""


def stream_responses(line: type[StreamLine]) -> dict[int | str, dict[str, Any]]:
    """Return the OpenAPI responses of a route that streams such lines."""
    described = f"Lines of type {line.__name__}, one every half second (`{MEDIA_TYPE}`)."
    content = {MEDIA_TYPE: {"schema": {"type": "string"}}}
    return {200: {"description": described, "model": line, "content": content}}


async def stream_work(work: Work, member: str) -> StreamingResponse:
    """Start the work and return a response that streams its progress, then its result as `member` of the last line.

    work: called with a function that takes progress as (done, total). Raises what the work raises within the first
    half second, so that a request refused at once gets an ordinary problem response.
    """
    # Kept for the next line, not sent at once: a slow client must not delay the work's transaction.
    progress = Progress(done=0, total=None)

    def report(done: int, total: int) -> None:
        nonlocal progress
        progress = Progress(done=done, total=total)

    async def lines() -> AsyncIterator[str]:
        while not task.done():
            yield _line(progress=progress)
            await asyncio.wait([task], timeout=_LINE_INTERVAL)
        try:
            result = task.result()
        except Exception as error:  # noqa: BLE001 - `to_problem` re-raises unexpected errors
            yield _line(problem=problem_details(to_problem(error)))
        else:
            yield _line(**{member: result})

    task = asyncio.ensure_future(work(report))
    try:
        await asyncio.wait([task], timeout=_LINE_INTERVAL)
        if task.done():
            task.result()
    except BaseException:
        task.cancel()
        raise
    return _CancelledOnDisconnect(task, lines())


class _CancelledOnDisconnect(StreamingResponse):
    """A response that cancels its task when it ends, also if the client disconnects before the first line."""

    def __init__(self, task: asyncio.Future[BaseModel], lines: AsyncIterator[str]) -> None:
        # A proxy that buffers responses would hide the progress.
        super().__init__(lines, media_type=MEDIA_TYPE, headers={"X-Accel-Buffering": "no"})
        self._task = task

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._task.cancel()


def _line(**member: BaseModel) -> str:
    [(name, value)] = member.items()
    return f'{{"{name}":{value.model_dump_json()}}}\n'
