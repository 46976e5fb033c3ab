"""What a process and those that it started have spent, and how large they are."""

from __future__ import annotations

import contextlib
import os
from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable


def family(root: psutil.Process) -> list[psutil.Process]:
    """Return a process and all its descendants; looks through every process of the machine."""
    return [root, *root.children(recursive=True)]


def two_shares() -> tuple[frozenset[int], frozenset[int]]:
    """Return one core for what is measured and the others for everything else; all for both where there is one."""
    cores = sorted(os.sched_getaffinity(0))
    if len(cores) == 1:
        return frozenset(cores), frozenset(cores)
    return frozenset(cores[:1]), frozenset(cores[1:])


def pin(process: psutil.Process, cores: frozenset[int]) -> None:
    """Keep all threads of a process on some cores; those that it starts later inherit that."""
    for thread in process.threads():
        with contextlib.suppress(ProcessLookupError):
            os.sched_setaffinity(thread.id, cores)


def cpu(processes: Iterable[psutil.Process]) -> float:
    """Return the CPU seconds spent so far, those of children that have ended included."""
    spent = 0.0
    for each in processes:
        try:
            times = each.cpu_times()
        except psutil.NoSuchProcess:
            continue
        spent += times.user + times.system + times.children_user + times.children_system
    return spent


def largest(processes: Iterable[psutil.Process]) -> int:
    """Return the bytes of memory of the largest of them."""
    sizes = [0]
    for each in processes:
        try:
            sizes.append(each.memory_info().rss)
        except psutil.NoSuchProcess:
            continue
    return max(sizes)
