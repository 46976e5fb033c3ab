"""The contract that this repository quotes is the one it was built from."""

from __future__ import annotations

from pathlib import Path

import pytest

_ROOT = Path(__file__).parents[2]
_DESIGN = _ROOT.parent / "shared" / "design"


@pytest.mark.skipif(not _DESIGN.is_dir(), reason="../shared/design is not there to compare with")
@pytest.mark.parametrize("copy", ["docs/semantics.md", "docs/contracts.md", "tests/vectors.yaml"])
def test_the_copy_is_the_original(copy: str) -> None:
    """The copied contract equals its original, byte for byte."""
    original = _DESIGN / Path(copy).name
    assert (_ROOT / copy).read_bytes() == original.read_bytes()
