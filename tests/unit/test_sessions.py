"""Connections of pools come back as they were lent, without a reset: nothing is set or locked for a session."""

from __future__ import annotations

import re
from pathlib import Path

import sql
from consumer.infra.postgres import session

_ROOT = Path(sql.__file__).parent.parent
# Not statements like `update … set`: names of settings.
_SETTING = re.compile(
    r"\bset (?:session )?(?:timezone|jit|\w+_timeout|\w+_mem|enable_\w+|\w+_cache_mode|search_path)\b",
    re.IGNORECASE,
)
_FOR_SESSION = re.compile(r"set_config\([^)]*false\)|pg_(?:try_)?advisory_lock(?:_shared)?\(")
# Migrations and maintenance have connections of their own, that no pool lends.
_OF_THEIR_OWN = {"migrations.sql", "maintenance.sql", "maintenance.py", Path(session.__file__).name}


def test_nothing_is_set_or_locked_for_longer_than_a_transaction() -> None:
    """Settings are `set local`, and advisory locks end with their transactions: so nothing need be reset."""
    files = [*(_ROOT / "consumer").rglob("*.py"), *(_ROOT / "sql" / "queries").glob("*.sql")]
    found = {
        path.name: match.group()
        for path in files
        for pattern in (_SETTING, _FOR_SESSION)
        if (match := pattern.search(path.read_text("utf-8"))) and path.name not in _OF_THEIR_OWN
    }
    assert found == {}
    assert _SETTING.search("set lock_timeout = 1")
    assert _FOR_SESSION.search("select pg_advisory_lock(1)")
