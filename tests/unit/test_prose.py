"""Words that this repository does not use in code, SQL, schemas and documents (see CONTRIBUTING.md)."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
FOLDERS = ("consumer", "sql", "schemas", "docs")
SUFFIXES = {".py", ".sql", ".md", ".yaml", ".json"}
FILES = sorted(
    [ROOT / "README.md", ROOT / "CHANGELOG.md"]
    + [path for folder in FOLDERS for path in (ROOT / folder).rglob("*") if path.suffix in SUFFIXES]
)
# Log, publish, return, report; the worker, the client, the contact.
UNUSED = re.compile(r"\b(told|whoever|whomever|somebody)\b", re.IGNORECASE)
# Of offsets and positions it is "after"; "behind" is for lag alone, so its sentence has to say lag.
BEHIND = re.compile(r"\bbehind\b", re.IGNORECASE)
LAG = re.compile(r"\blag(s|ged|ging)?\b", re.IGNORECASE)
SENTENCE_END = re.compile(r"(?<=[.;:!?])\s+|\n\s*\n")
LINE_PREFIX = re.compile(r"^\s*(#+|--|[-*>])?[ \t]*", re.MULTILINE)


def faults(text: str) -> list[str]:
    """Return the unused words of a text, and its sentences in which something is behind without lag."""
    sentences = SENTENCE_END.split(LINE_PREFIX.sub("", text))
    return UNUSED.findall(text) + [
        sentence for sentence in sentences if BEHIND.search(sentence) and not LAG.search(sentence)
    ]


def test_no_unused_word() -> None:
    found = {path.relative_to(ROOT).as_posix(): faults(path.read_text("utf-8")) for path in FILES}
    assert {path: words for path, words in found.items() if words} == {}


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("# Whoever reads it was told.", ["Whoever", "told"]),
        ("The floor is behind the position.", ["The floor is behind the position."]),
        ("# The lag grows: a lane\n# is behind.", ["a lane\nis behind."]),
        ("# The lag is how far a lane\n# is behind its log.", []),
        ("messages_behind, untold", []),
    ],
)
def test_the_check_itself(text: str, found: list[str]) -> None:
    assert faults(text) == found
