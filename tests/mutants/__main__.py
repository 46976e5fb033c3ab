"""Runs the mutants: `make mutants`, or `python -m tests.mutants NAME…` for some of them.

Each `NAME.patch` here says before its diff `what:` it breaks and which one `test:` notices. The patch is
applied to a copy of the tree, where that test has to fail by an assertion; unpatched it has to pass. A patch
that does not apply is an error: the code moved on and the mutant has to follow.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).parents[2]
COPIED = ("consumer", "schemas", "sql", "catalogs", "tests", "docs", "pyproject.toml", "README.md")


@dataclass(frozen=True)
class Mutant:
    """A patch, what it breaks, and the test that has to notice."""

    name: str
    purpose: str
    test: str
    patch: Path


def main(names: list[str]) -> int:
    """Run the mutants and say of each what became of it; 0 if every one was noticed."""
    mutants = [mutant for mutant in load() if not names or mutant.name in names]
    if unknown := set(names) - {mutant.name for mutant in mutants}:
        print(f"no such mutant: {', '.join(sorted(unknown))}", file=sys.stderr)
        return 2
    faults = 0
    with tempfile.TemporaryDirectory(prefix="engagement-mutants-") as folder:
        tree = Path(folder)
        _copy(tree)
        healthy = _pytest(tree, sorted({mutant.test for mutant in mutants}))
        if healthy.returncode != 0:
            print(healthy.stdout)
            print("the tests that mutants name have to pass without them")
            return 1
        for mutant in mutants:
            began = time.monotonic()
            fault = _try(tree, mutant)
            faults += fault is not None
            verdict = f"NOT NOTICED: {fault}" if fault else f"noticed by {mutant.test}"
            print(
                f"{mutant.name:32} {mutant.purpose:60} {verdict} ({time.monotonic() - began:.1f} s)",
                flush=True,
            )
    print(f"{len(mutants)} mutants, {len(mutants) - faults} noticed")
    return 1 if faults else 0


def load() -> list[Mutant]:
    """Read all mutants; raises ValueError for a patch that names no test."""
    return [_load(path) for path in sorted(Path(__file__).parent.glob("*.patch"))]


def _load(path: Path) -> Mutant:
    head = path.read_text("utf-8").partition("--- ")[0]
    test = re.search(r"^test: (\S+)$", head, re.MULTILINE)
    purpose = re.search(r"^what: (.+)$", head, re.MULTILINE)
    if test is None or purpose is None:
        raise ValueError(f"{path.name} has to say `what:` it breaks and which `test:` notices")
    return Mutant(path.stem, purpose[1], test[1], path)


def _copy(tree: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    # Else the copy would fetch a broker of its own.
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    (tree / ".cache").symlink_to(cache)


def _try(tree: Path, mutant: Mutant) -> str | None:
    """Apply, test and take back; returns what is wrong with the mutant, None if it was noticed as it should."""
    if (applied := _git_apply(tree, mutant.patch)) is not None:
        return f"the patch does not apply: {applied}"
    try:
        ran = _pytest(tree, [mutant.test])
    finally:
        _git_apply(tree, mutant.patch, "--reverse")
    if ran.returncode == 0:
        return "the test passes"
    if ran.returncode != 1 or " error" in ran.stdout.splitlines()[-1]:
        return f"the test did not run: {ran.stdout[-2000:]}"
    # Several at once, as Hypothesis finds them, stand in a group.
    if not re.search(r"^(E|\s+\|)\s+(AssertionError|assert )", ran.stdout, re.MULTILINE):
        return f"the test fails otherwise than by an assertion: {ran.stdout[-2000:]}"
    return None


def _git_apply(tree: Path, patch: Path, *options: str) -> str | None:
    # Outside a repository git apply works on the folder it stands in.
    ran = subprocess.run(
        ["git", "apply", *options, str(patch)], cwd=tree, capture_output=True, text=True, check=False
    )
    return None if ran.returncode == 0 else ran.stderr.strip()


def _pytest(tree: Path, tests: list[str]) -> subprocess.CompletedProcess[str]:
    # From the copy's folder, so that its modules are imported and not the installed ones.
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
