"""The client in TypeScript: its types from the OpenAPI document, compiled and run by Node."""

from __future__ import annotations

import shutil
from pathlib import Path

from tests.npm_packages import installed, node

_SOURCE = Path(__file__).with_name("typescript_client")


def compiled_tour(document: Path, folder: Path) -> Path:
    """Generate types from an OpenAPI document, compile the tour with them in a folder, and return the program."""
    for name in ("package.json", "tsconfig.json", "tour.ts"):
        shutil.copy(_SOURCE / name, folder)
    (folder / "node_modules").symlink_to(installed(_SOURCE))
    node(
        "node_modules/openapi-typescript/bin/cli.js",
        *(str(document), "--output", "schema.d.ts", "--default-non-nullable", "false"),
        within=folder,
    )
    node("node_modules/typescript/bin/tsc", "--project", ".", within=folder)
    return folder / "tour.js"


def run(program: Path, *arguments: str) -> str:
    """Run a program and return what it printed; raises RuntimeError with what it complained of."""
    return node(program.name, *arguments, within=program.parent)
