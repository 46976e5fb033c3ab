"""Runs the mutants: `make mutants`, or `make mutants ARGS=NAME` for some of them.

Each mutant of table.py is applied to a copy of the tree, where its test must fail by an assertion; in the copy
without mutants the test must pass.
"""

from __future__ import annotations

import re
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import TYPE_CHECKING

from tests.mutants.table import MUTANTS

if TYPE_CHECKING:
    from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]
COPIED = ("consumer", "schemas", "sql", "catalogs", "tests", "docs", "pyproject.toml", "README.md")


def main(names: list[str]) -> int:
    """Run the mutants, print the outcome of each and return the exit code: 0 if every one was noticed."""
    mutants = [mutant for mutant in MUTANTS if not names or mutant.name in names]
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
            fault = _run(tree, mutant)
            faults += fault is not None
            verdict = f"NOT NOTICED: {fault}" if fault else f"noticed by {mutant.test}"
            print(
                f"{mutant.name:32} {mutant.breaks:72} {verdict} ({time.monotonic() - began:.1f} s)",
                flush=True,
            )
    print(f"{len(mutants)} mutants, {len(mutants) - faults} noticed")
    return 1 if faults else 0


def apply(mutant: Mutant, tree: Path) -> dict[Path, str]:
    """Return the new text of each file that the mutant edits, writing nothing.

    Raises ValueError if the old text of an edit is not found exactly once.
    """
    texts: dict[Path, str] = {}
    for edit in mutant.edits:
        path = tree / edit.file
        text = texts[path] if path in texts else path.read_text("utf-8")
        if (found := text.count(edit.old)) != 1:
            raise ValueError(f"mutant {mutant.name}: {found} times in {edit.file}, not once: {edit.old!r}")
        texts[path] = text.replace(edit.old, edit.new)
    return texts


def _copy(tree: Path) -> None:
    for name in COPIED:
        source = ROOT / name
        if source.is_dir():
            shutil.copytree(source, tree / name, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy(source, tree / name)
    # Otherwise the copy would download a broker of its own.
    cache = ROOT / ".cache"
    cache.mkdir(exist_ok=True)
    (tree / ".cache").symlink_to(cache)


def _run(tree: Path, mutant: Mutant) -> str | None:
    """Run the mutant's test in the edited tree, then restore the tree; return the fault of the mutant, if any."""
    try:
        edited = apply(mutant, tree)
    except ValueError as error:
        return str(error)
    healthy = {path: path.read_text("utf-8") for path in edited}
    try:
        for path, text in edited.items():
            path.write_text(text, "utf-8")
        ran = _pytest(tree, [mutant.test])
    finally:
        for path, text in healthy.items():
            path.write_text(text, "utf-8")
    if ran.returncode == 0:
        return "the test passes"
    if ran.returncode != 1 or " error" in ran.stdout.splitlines()[-1]:
        return f"the test did not run: {ran.stdout[-2000:]}"
    # Hypothesis reports several failures as an exception group, whose lines are indented by `|`. The last one is of
    # `eventually` (tests/waiting.py).
    if not re.search(r"^(E|\s+\|)\s+(AssertionError|assert |Failed: not within )", ran.stdout, re.MULTILINE):
        return f"the test fails otherwise than by an assertion: {ran.stdout[-2000:]}"
    return None


def _pytest(tree: Path, tests: list[str]) -> subprocess.CompletedProcess[str]:
    # From the copy's folder, so that its modules are imported and not the installed ones.
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", *tests]
    return subprocess.run(command, cwd=tree, capture_output=True, text=True, check=False)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
