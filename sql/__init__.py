"""The SQL of the service and its loader: statements live in files, not in Python.

Each file of `queries/` holds several, each begun by a line `-- name: what_it_is` followed by its line of purpose.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files

_NAME = re.compile(r"^-- name: (\w+)$", re.MULTILINE)


@cache
def queries(concern: str) -> dict[str, str]:
    """Return the statements of `queries/<concern>.sql` by name."""
    text = (files("sql") / "queries" / f"{concern}.sql").read_text("utf-8")
    _, *named = _NAME.split(text)
    return dict(zip(named[::2], named[1::2], strict=True))


def schema() -> str:
    """Return the script that builds the newest schema in an empty database: schema/ in order, then functions/."""
    return "\n".join(script for folder in ("schema", "functions") for _, script in _scripts(folder))


def migrations() -> list[tuple[str, str]]:
    """Return name and text of the files that each bring a schema to the next version, in order."""
    return _scripts("migrations")


def table_of_migrations() -> str:
    """Return the script that adds the table of migrations to a schema of version 3 or before."""
    return next(script for _, script in _scripts("schema"))


def _scripts(folder: str) -> list[tuple[str, str]]:
    """Return name and text of the scripts of a folder, in the order of their names."""
    entries = sorted((files("sql") / folder).iterdir(), key=lambda entry: entry.name)
    return [(entry.name, entry.read_text("utf-8")) for entry in entries if entry.name.endswith(".sql")]
