"""Generic plans of statements, as the service's connections have them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

from consumer.infra.postgres.revision_lock import begin_shared

if TYPE_CHECKING:
    from collections.abc import Iterator

    from consumer.infra.postgres.connection import Connection


async def generic_plan(connection: Connection, statement: str, settings: str = "") -> dict[str, Any]:
    """Return the generic plan of a statement in a transaction with these settings, which is left open."""
    await connection.execute("set plan_cache_mode = force_generic_plan")
    await begin_shared(connection, settings)
    await connection.execute(f"prepare planned as {statement}")
    parameters = await connection.fetchval(
        "select cardinality(parameter_types) from pg_prepared_statements where name = 'planned'"
    )
    nothing = f"({', '.join(['null'] * parameters)})" if parameters else ""
    [explained] = json.loads(await connection.fetchval(f"explain (format json) execute planned{nothing}"))
    plan: dict[str, Any] = explained["Plan"]
    return plan


def nodes(plan: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Yield the nodes of a plan."""
    yield plan
    for one in plan.get("Plans", []):
        yield from nodes(one)
