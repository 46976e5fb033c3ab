"""Reads lines of files, compressed by gzip or not, none into memory that is longer than an event may be."""

from __future__ import annotations

import gzip
import io
import sys
import zlib
from contextlib import contextmanager
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from consumer.domain.limits import MAX_VALUE_BYTES

if TYPE_CHECKING:
    from collections.abc import Iterator

STANDARD_INPUT: Final = "-"
_GZIP: Final = b"\x1f\x8b"
# One byte more than a value may have, and the end of the line.
_LONGEST: Final = MAX_VALUE_BYTES + 3


class UnreadableFileError(Exception):
    """A file is missing or damaged; the message says which, and after which line."""


def read_lines(file: str) -> Iterator[tuple[int, bytes]]:
    """Yield the lines of a file that are not empty, with their numbers from 1 on.

    One that is too long for an event is cut, but stays too long. Raises UnreadableFileError.
    """
    number = 0
    try:
        with _opened(file) as content:
            while line := content.readline(_LONGEST):
                number += 1
                if not line.endswith(b"\n"):
                    _skip_rest(content)
                if stripped := line.strip():
                    yield number, line if len(stripped) > MAX_VALUE_BYTES else stripped
    except (EOFError, gzip.BadGzipFile, zlib.error) as error:
        raise UnreadableFileError(f"{file}: damaged after line {number}: {error}") from error
    except OSError as error:
        raise UnreadableFileError(f"{file}: {error.strerror}") from error


def _skip_rest(content: IO[bytes]) -> None:
    while (rest := content.readline(_LONGEST)) and not rest.endswith(b"\n"):
        pass


@contextmanager
def _opened(file: str) -> Iterator[IO[bytes]]:
    if file == STANDARD_INPUT:
        yield _unpacked(sys.stdin.buffer)
        return
    with Path(file).open("rb") as raw:
        yield _unpacked(raw)


def _unpacked(raw: IO[bytes]) -> IO[bytes]:
    buffered = raw if isinstance(raw, io.BufferedReader) else io.BufferedReader(raw)  # type: ignore[type-var]
    if buffered.peek(len(_GZIP))[: len(_GZIP)] != _GZIP:
        return buffered
    return io.BufferedReader(gzip.GzipFile(fileobj=buffered))
