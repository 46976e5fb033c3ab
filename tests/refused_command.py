"""A command of this program, run as a process of its own, that must end with a line of explanation."""

from __future__ import annotations

import asyncio
import sys
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

_ROOT = Path(__file__).parents[1]
_WITHIN = 30  # seconds


async def assert_refused(*words: str, environment: Mapping[str, str], line: str) -> None:
    """Run `engagement WORDS`; it must end with 1, and its last line must be this one, without a traceback."""
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *("-m", "consumer", *words),
        env=environment,
        cwd=_ROOT,
        stdout=asyncio.subprocess.DEVNULL,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(_WITHIN):
            _, errors = await process.communicate()
    finally:
        if process.returncode is None:
            process.kill()
    assert process.returncode == 1
    assert errors.decode().splitlines()[-1] == f"engagement {words[0]}: {line}"
    assert b"Traceback" not in errors
