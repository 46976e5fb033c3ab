"""Answers to what takes long: a stream of lines (NDJSON) that says how far it is, and the result last.

There is nothing to poll and nothing left behind: the work ends with the connection. Owns the lines and that end.
Never knows what the work is.
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
# Seconds from line to line; what takes less is answered with the result alone, or with a problem as everywhere.
_LINE_INTERVAL = 0.5


class Progress(BaseModel):
    """Contacts gone through, of how many; null before they are counted."""

    done: int
    total: int | None


class StreamLine(BaseModel):
    """A line of an answer; what has a result adds the member for it."""

    progress: Progress | None = None
    problem: ProblemDetails | None = None


def stream_responses(line: type[StreamLine]) -> dict[int | str, dict[str, Any]]:
    """Return what the OpenAPI document says of a route that answers with such lines."""
    described = f"Lines, each a {line.__name__}, twice a second (`{MEDIA_TYPE}`)."
    content = {MEDIA_TYPE: {"schema": {"type": "string"}}}
    return {200: {"description": described, "model": line, "content": content}}


async def stream_work(work: Work, member: str) -> StreamingResponse:
    """Return an answer that does the work, and tells the result as this member of the last line.

    work: takes what is told how far it is, (done, total). Raises what kept it from beginning.
    """
    # Kept, not sent: a slow reader must not hold the work's transaction up.
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
        except Exception as error:  # noqa: BLE001 - `to_problem` raises what nobody foresaw
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
    """An answer whose work is ended with it, also when whoever asked goes away before it has begun."""

    def __init__(self, task: asyncio.Future[BaseModel], lines: AsyncIterator[str]) -> None:
        # Proxies that gather answers before they pass them on would hide how far it is.
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
