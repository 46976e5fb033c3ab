"""The blocks of commands, code and tables of README and docs, each between a pair of markers, as tests run them."""

from __future__ import annotations

import re
from pathlib import Path

README = Path(__file__).parents[1] / "README.md"
OPERATIONS = README.parent / "docs" / "operations.md"


def block(name: str, page: Path = README) -> str:
    """Return what is between the markers of a name, without indentation or the fence of a code block."""
    found = re.search(rf"<!-- {name} -->\n(.*?)<!-- /{name} -->", page.read_text("utf-8"), re.DOTALL)
    assert found, f"{page.name} has no block {name}"
    unindented = re.sub(r"^ {4}", "", found[1], flags=re.MULTILINE) if found[1].startswith(" ") else found[1]
    return re.sub(r"^```.*\n", "", unindented, flags=re.MULTILINE)
