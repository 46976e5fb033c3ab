"""Usable cores: the affinity mask, limited by the quotas of the cgroup."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

import pytest

from consumer.infra.usable_cores import usable_cores

if TYPE_CHECKING:
    from pathlib import Path


@pytest.fixture(autouse=True)
def _eight_cores(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "sched_getaffinity", lambda _process: set(range(8)))


def _machine(root: Path, group: str | None, **quotas: str) -> Path:
    """Lay the files of a machine. quotas: cpu.max by the name of the cgroup, 'top' for the topmost one."""
    (root / "proc/self").mkdir(parents=True)
    if group is not None:
        (root / "proc/self/cgroup").write_text(f"4:memory:/other\n0::/{group}\n")
    for name, quota in quotas.items():
        folder = root / "sys/fs/cgroup" / {"top": "", "pod": "pod", "worker": "pod/worker"}[name]
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "cpu.max").write_text(f"{quota}\n")
    return root


@pytest.mark.parametrize(
    ("group", "quotas", "cores"),
    [
        pytest.param(None, {}, 8, id="no cgroup"),
        pytest.param("", {}, 8, id="no quota"),
        pytest.param("", {"top": "max 100000"}, 8, id="unlimited"),
        pytest.param("", {"top": "300000 100000"}, 3, id="of a container"),
        pytest.param("", {"top": "190000 100000"}, 1, id="rounded down"),
        pytest.param("", {"top": "50000 100000"}, 1, id="at least one"),
        pytest.param("", {"top": "1600000 100000"}, 8, id="more than there are"),
        pytest.param("pod/worker", {"pod": "200000 100000", "worker": "max 100000"}, 2, id="of one above"),
        pytest.param("pod/worker", {"pod": "400000 100000", "worker": "300000 100000"}, 3, id="the least"),
    ],
)
def test_cores_are_those_of_the_mask_within_all_quotas(
    group: str | None, quotas: dict[str, str], cores: int, tmp_path: Path
) -> None:
    """Whole cores: those of the affinity mask, limited by the quota of the own cgroup and of each above it."""
    assert usable_cores(_machine(tmp_path, group, **quotas)) == cores
