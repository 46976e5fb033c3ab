"""The table of mutants is in step with the tree: each edit matches once, and each named test exists."""

from __future__ import annotations

import ast
import re
from collections import Counter
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from tests import vectors
from tests.mutants.__main__ import apply
from tests.mutants.table import MUTANTS

if TYPE_CHECKING:
    from tests.mutants.mutant import Mutant

ROOT = Path(__file__).parents[2]


def test_each_edit_matches_once() -> None:
    assert [fault for mutant in MUTANTS if (fault := _fault(mutant))] == []


def _fault(mutant: Mutant) -> str:
    try:
        edited = apply(mutant, ROOT)
    except ValueError as error:
        return str(error)
    same = [path.name for path, text in edited.items() if text == path.read_text("utf-8")]
    return f"{mutant.name} leaves {same} as it is" if same else ""


def test_the_named_test_exists() -> None:
    cases = {vector.name for vector in vectors.load()}
    assert {mutant.name: mutant.test for mutant in MUTANTS if not _exists(mutant.test, cases)} == {}


def _exists(test: str, cases: set[str]) -> bool:
    found = re.fullmatch(r"(?P<path>\S+\.py)::(?P<function>\w+)(?:\[(?P<case>\S+)\])?", test)
    return (
        found is not None
        and found["function"] in _functions(found["path"])
        and (found["case"] is None or found["case"] in cases)
    )


@cache
def _functions(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text("utf-8"))
    return {node.name for node in tree.body if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)}


def test_names_are_unique() -> None:
    assert Counter(mutant.name for mutant in MUTANTS).most_common(1)[0][1] == 1
