"""Test modules import helpers and builders, never each other."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

TESTS = Path(__file__).parents[1]


@pytest.mark.parametrize(
    "path", sorted(TESTS.rglob("*.py")), ids=lambda path: path.relative_to(TESTS).as_posix()
)
def test_no_import_from_a_test_module(path: Path) -> None:
    """What two test modules share has a home of its own: tests/builders/, or a helper beside them."""
    imported = [
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(path.read_text("utf-8")))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    ]
    names = {part for name in imported if name.startswith("tests.") for part in name.split(".")[:-1]}
    assert [name for name in names if name.startswith("test_")] == []
