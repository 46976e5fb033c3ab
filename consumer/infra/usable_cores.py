"""How many processor cores this process may use."""

from __future__ import annotations

import os
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


def usable_cores(root: Path = Path("/")) -> int:
    """Return the number of whole cores that this process may use, at least 1.

    Those of its affinity mask, as far as the CPU quota of its cgroup (version 2: the limit of a container) allows.
    root: the folder of `proc` and `sys`.
    """
    cores = len(os.sched_getaffinity(0))
    return max(1, int(min([cores, *_quotas(root)])))


def _quotas(root: Path) -> Iterator[float]:
    """Yield the quota in cores of this process's cgroup, and of each above it that has one."""
    for group in _cgroups(root):
        try:
            # Microseconds of CPU, or "max", in a period of so many.
            quota, period = (root / "sys/fs/cgroup" / group / "cpu.max").read_text().split()
        except FileNotFoundError:
            continue  # the root of all cgroups has none
        if quota != "max":
            yield int(quota) / int(period)


def _cgroups(root: Path) -> tuple[PurePosixPath, ...]:
    try:
        lines = (root / "proc/self/cgroup").read_text().splitlines()
    except FileNotFoundError:
        return ()
    # Lines of version 1 begin with another number.
    found = [PurePosixPath(line.removeprefix("0::/")) for line in lines if line.startswith("0::/")]
    return (found[0], *found[0].parents) if found else ()
