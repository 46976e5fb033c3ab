"""Statements name their columns, so that programs go on when a table gets another one (docs/upgrading.md).

Of SQL in files and in Python: what is selected from a table or view, inserted, returned, copied, or made to JSON.
"""

from __future__ import annotations

import ast
import re
from pathlib import Path

import pytest

import sql

_ROOT = Path(__file__).parents[2]
_TABLES = frozenset(
    re.findall(r"^create (?:table|view)(?: if not exists)? (\w+)", sql.schema(), re.MULTILINE)
)

# What may follow a table's name without being an alias of it.
_NO_ALIAS = "as|using|join|on|where|cross|left|full|natural|values|select|set|order|group|limit|offset|for"
_ALIAS = rf"(?:\s+(?:as\s+)?(?!(?:{_NO_ALIAS})\b)(\w+))?"
_FROM = re.compile(r"\b(?:from|join|using|update|into)\s+(?:only\s+)?(\w+)" + _ALIAS, re.IGNORECASE)
_STAR_FROM = re.compile(r"\bselect\s+(?:[\w.]+,\s*)*\*(?:,[^;()]*?)?\s+from\s+(\w+)", re.IGNORECASE)
_STAR_OF = re.compile(r"\b(\w+)\.\*")
_RETURNING = re.compile(r"\breturning\s+(?:\w+\.)?\*", re.IGNORECASE)
_INSERT = re.compile(r"\binsert into (\w+)" + _ALIAS + r"\s*(\(?)", re.IGNORECASE)
_COPY = re.compile(r"\bcopy\s+(\w+)\s+(from|to)\b", re.IGNORECASE)
_WHOLE_ROW = re.compile(r"\b(?:row_to_json|to_jsonb?|json_agg|jsonb_agg|array_agg)\((\w+)\)", re.IGNORECASE)
_NATURAL = re.compile(r"\bnatural\b", re.IGNORECASE)


def faults(statement: str) -> list[str]:
    """Return what in a statement depends on which columns a table has."""
    text = re.sub(r"--[^\n]*", "", statement)
    bound = {alias or table for table, alias in _FROM.findall(text) if table in _TABLES}
    bound |= {table for table, _ in _FROM.findall(text) if table in _TABLES}
    found = [match[0] for match in _STAR_FROM.finditer(text) if match[1] in _TABLES]
    found += [match[0] for match in _STAR_OF.finditer(text) if match[1] in bound]
    found += [match[0] for match in _WHOLE_ROW.finditer(text) if match[1] in bound]
    found += [match[0] for match in _RETURNING.finditer(text)]
    found += [match[0] for match in _INSERT.finditer(text) if match[1] in _TABLES and match[3] != "("]
    found += [match[0] for match in _COPY.finditer(text) if match[1] in _TABLES]
    found += [match[0] for match in _NATURAL.finditer(text)]
    return found


def _in_files() -> dict[str, str]:
    named: dict[str, str] = {}
    for path in sorted((_ROOT / "sql" / "queries").glob("*.sql")):
        named |= {f"{path.name}: {name}": text for name, text in sql.queries(path.stem).items()}
    for folder in ("functions", "schema"):
        named |= {
            path.name: path.read_text("utf-8") for path in sorted((_ROOT / "sql" / folder).glob("*.sql"))
        }
    return named


def _in_python() -> dict[str, str]:
    named: dict[str, str] = {}
    for path in sorted((_ROOT / "consumer").rglob("*.py")):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Constant) and isinstance(node.value, str) and _FROM.search(node.value):
                named[f"{path.relative_to(_ROOT)}:{node.lineno}"] = node.value
    return named


def test_columns_are_named() -> None:
    """No statement takes all columns of a table, whichever it has."""
    found = {where: faults(statement) for where, statement in (_in_files() | _in_python()).items()}
    assert {where: parts for where, parts in found.items() if parts} == {}


def test_rows_are_copied_by_named_columns() -> None:
    """COPY through the driver names them too."""
    found = 0
    for path in (_ROOT / "consumer").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text("utf-8"))):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "copy_records_to_table":
                found += 1
                assert "columns" in {keyword.arg for keyword in node.keywords}, path
    assert found >= 2


@pytest.mark.parametrize(
    "statement",
    [
        "select * from contacts where id = $1",
        "select s.ctid, s.* from contact_scores s",
        "with t as (select id from contacts) select c.*, 1 from t join contacts c using (id)",
        "cross join lateral (select * from outbox o where o.shard = 1 offset 0) o",
        "insert into contacts values (1)",
        "insert into contacts select 1",
        "delete from contacts returning *",
        "update contacts c set shard = 1 returning c.*",
        "select row_to_json(c) from contacts c",
        "select json_agg(contacts) from contacts",
        "select 1 from contacts natural join claims",
        "copy contacts from stdin",
    ],
)
def test_what_depends_on_the_columns_is_found(statement: str) -> None:
    """Each way of taking all columns is noticed."""
    assert faults(statement) != []


@pytest.mark.parametrize(
    "statement",
    [
        "select count(*) from contacts",
        "select * from unnest($1::int[]) as n(number)",
        "with one as (select id from contacts) select * from one",
        "select c.id, c.shard * 2 from contacts c",
        "insert into contacts as c (id) values (1) returning id",
        "select json_agg(c.id) from contacts c",
    ],
)
def test_what_does_not_depend_on_them_passes(statement: str) -> None:
    """Counting, rows of the statement's own, and arithmetic are no fault."""
    assert faults(statement) == []
