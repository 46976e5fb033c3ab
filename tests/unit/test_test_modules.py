"""Test modules import helpers and builders, never each other."""

from __future__ import annotations

import ast
from pathlib import Path

TESTS = Path(__file__).parents[1]


def test_no_import_from_a_test_module() -> None:
    """What two test modules share has a home of its own: tests/builders/, or a helper beside them."""
    found = {path.relative_to(TESTS).as_posix(): _imported_test_modules(path) for path in TESTS.rglob("*.py")}
    assert {path: names for path, names in found.items() if names} == {}


def _imported_test_modules(path: Path) -> list[str]:
    imported = [
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    names = {part for name in imported if name.startswith("tests.") for part in name.split(".")[:-1]}
    return [name for name in names if name.startswith("test_")]
