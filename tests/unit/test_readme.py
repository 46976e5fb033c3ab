"""The README leads to what exists: files, functions and statements, and its examples are short."""

from __future__ import annotations

import re

import pytest

from consumer.__main__ import parser
from tests.readme import README, block

_TEXT = README.read_text("utf-8")
_WHERE = re.findall(r"^\| .*? \| \[[^]]+\]\((\S+)\) \| `(.+)` \|$", block("where"), re.MULTILINE)


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\((?!http)([^)]+)\)", _TEXT))))
def test_a_link_leads_somewhere(link: str) -> None:
    """The file or folder exists; an anchor is a heading of the file."""
    path, _, anchor = link.partition("#")
    target = README.parent / path if path else README
    assert target.exists()
    if anchor:
        headings = re.findall(r"^#+ (.+)$", target.read_text("utf-8"), re.MULTILINE)
        assert anchor in {heading.lower().replace(" ", "-") for heading in headings}


@pytest.mark.parametrize(("path", "text"), _WHERE)
def test_what_is_pointed_out_is_there(path: str, text: str) -> None:
    """The file of each row has what the row tells readers to look for, once as a definition."""
    source = (README.parent / path).read_text("utf-8")
    definition = rf"(def|class|function) {re.escape(text)}\b|^ *{re.escape(text)}(?!\w)"
    assert len(re.findall(definition, source, re.MULTILINE)) == 1


def test_every_place_is_pointed_out() -> None:
    """Every row of the table has a file and something to look for."""
    assert len(_WHERE) == len(block("where").splitlines()) - 2


@pytest.mark.parametrize(
    "line", re.findall(r"^    (engagement .+?)(?: +#.*| *>.*| \|\|.*)?$", _TEXT, re.MULTILINE)
)
def test_a_command_exists(line: str) -> None:
    """The program takes every command with exactly these words."""
    parser().parse_args(line.split()[1:])  # wrong usage exits


@pytest.mark.parametrize("name", ["produce.py", "produce_sdk.py", "consume.py"])
def test_an_example_is_short(name: str) -> None:
    """Ten lines of code at most, imports apart."""
    lines = [line for line in block(name).splitlines() if line]
    assert len([line for line in lines if not line.startswith(("import ", "from "))]) <= 10
