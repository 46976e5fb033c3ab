"""What a process and those that it started have spent, and how large they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

import psutil

if TYPE_CHECKING:
    from collections.abc import Iterable


def family(root: psutil.Process) -> list[psutil.Process]:
    """Return a process and all its descendants; looks through every process of the machine."""
    return [root, *root.children(recursive=True)]


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
