"""The table of mutants is in step with the tree: each edit matches once, and each named test exists."""

from __future__ import annotations

import ast
import re
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests import vectors
from tests.mutants.__main__ import apply
from tests.mutants.table import MUTANTS

if TYPE_CHECKING:
    from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]


def by_name(mutant: Mutant) -> str:
    return mutant.name


@pytest.mark.parametrize("mutant", MUTANTS, ids=by_name)
def test_each_edit_matches_once(mutant: Mutant) -> None:
    edited = apply(mutant, ROOT)
    assert all(text != path.read_text("utf-8") for path, text in edited.items())


@pytest.mark.parametrize("mutant", MUTANTS, ids=by_name)
def test_the_named_test_exists(mutant: Mutant) -> None:
    found = re.fullmatch(r"(?P<path>\S+\.py)::(?P<function>\w+)(?:\[(?P<case>\S+)\])?", mutant.test)
    assert found is not None, mutant.test
    tree = ast.parse((ROOT / found["path"]).read_text("utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    assert found["function"] in {node.name for node in tree.body if isinstance(node, functions)}
    if found["case"] is not None:
        assert found["case"] in {vector.name for vector in vectors.load()}


def test_names_are_unique() -> None:
    assert Counter(mutant.name for mutant in MUTANTS).most_common(1)[0][1] == 1
