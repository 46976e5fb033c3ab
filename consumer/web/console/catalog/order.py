"""The order of groups and definitions: one is moved before or after another."""

from __future__ import annotations

from typing import TYPE_CHECKING

from consumer.web.console import reordering

if TYPE_CHECKING:
    from starlette.responses import Response

    from consumer.web.console.visit import Visit


async def move(visit: Visit) -> Response:
    """Move a group or definition (`kind`, `key`) before or after another one."""
    kind = "group" if visit.form.text("kind") == "group" else "definition"
    return await reordering.move(
        visit,
        kind,
        action=visit.url("catalog", "order"),
        to=f"{visit.url('catalog')}#{kind}-{visit.form.text('key')}",
        changed=visit.say("The catalog was changed meanwhile. This is how it is now: move it again."),
    )
