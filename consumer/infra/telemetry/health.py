"""The health of the process, served over HTTP as `/livez`, `/readyz` and `/metrics`.

Health is reported, not measured here: by the tasks of the process, for Postgres and Kafka by dependency_probes.py.
Reasons may have addresses and messages of servers, and who may reach the port is not known here: over HTTP a
component has its name only. Its reason is in the log.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

import structlog
from starlette.applications import Starlette
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from consumer.infra.telemetry.metrics import CONTENT_TYPE
from consumer.infra.telemetry.repeated_lines import RepeatedLines

if TYPE_CHECKING:
    from starlette.requests import Request

    from consumer.infra.clock import Clock

_DIGITS = re.compile(r"\d+")

log = structlog.get_logger(__name__)

# Seconds without a report after which a main loop counts as stuck, and the process as dead.
STUCK_AFTER = 60.0


@dataclass(slots=True)
class _Component:
    """The last report of a component; within: seconds for which it is valid."""

    within: float | None
    vital: bool
    required: bool
    ok: bool
    why: str | None
    reported_at: float


class Health:
    """The last report of each component of this process, and whether it is still valid."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._components: dict[str, _Component] = {}
        self._lines = RepeatedLines(clock.monotonic)

    def expect(
        self, name: str, *, within: float | None = None, vital: bool = False, required: bool = True
    ) -> None:
        """Add a component that has to report before the process is ready.

        within: seconds for which a report is valid, None for ever. vital: a main loop; after STUCK_AFTER seconds
        without its report the process is not alive. required: False where the process is ready without it; its
        state is shown all the same.
        """
        self._components[name] = _Component(
            *(within, vital, required),
            ok=False,
            why="has not reported yet",
            reported_at=self._clock.monotonic(),
        )

    def report(self, name: str, ok: bool, why: str | None = None) -> None:
        """Record a component's state; for a component with `within`, each report is a heartbeat.

        why: one line for people, where `ok` is false; the same one is logged at most once a minute. A component
        that was not expected is from now on.
        """
        if name not in self._components:
            self.expect(name)
        component = self._components[name]
        component.ok = ok
        component.why = None if ok else why or "not healthy"
        component.reported_at = self._clock.monotonic()
        # A reason with the number of an attempt is the same one at the next.
        if not ok and self._lines.left_out((name, _DIGITS.sub("", component.why or ""))) is not None:
            log.warning("not healthy", component=name, why=component.why)

    def forget(self, name: str) -> None:
        """Stop expecting a component: its task has ended normally."""
        self._components.pop(name, None)

    def ready(self) -> bool:
        """Return True if every component is healthy; False while none is expected yet: the process is starting."""
        faults = self._faults()
        return bool(faults) and all(
            faults[name] is None for name, component in self._components.items() if component.required
        )

    def alive(self) -> bool:
        """Return True if every vital component has reported within STUCK_AFTER seconds, healthy or not."""
        now = self._clock.monotonic()
        return all(now - c.reported_at <= STUCK_AFTER for c in self._components.values() if c.vital)

    def states(self) -> dict[str, dict[str, bool | str | None]]:
        """Return each component's state: {'ok': …, 'why': None or one line}."""
        return {name: {"ok": why is None, "why": why} for name, why in self._faults().items()}

    def _faults(self) -> dict[str, str | None]:
        now = self._clock.monotonic()
        return {name: _fault(component, now) for name, component in self._components.items()}


class ServedHealth(Protocol):
    """The health of a process, or of several as one; see Health."""

    def alive(self) -> bool:
        """Return what /livez answers."""
        ...

    def ready(self) -> bool:
        """Return what /readyz answers."""
        ...

    def states(self) -> dict[str, dict[str, bool | str | None]]:
        """Return each component's state."""
        ...


class ServedMetrics(Protocol):
    """The metrics of a process, or of several as one."""

    def exposition(self) -> bytes:
        """Return them in Prometheus' text format, of type CONTENT_TYPE."""
        ...


def application(health: ServedHealth, metrics: ServedMetrics) -> Starlette:
    """Return the HTTP application of a process that serves health and metrics only."""
    return Starlette(routes=routes(health, metrics))


def routes(health: ServedHealth, metrics: ServedMetrics) -> list[Route]:
    """Return the routes that every process serves."""

    async def livez(_request: Request) -> Response:
        alive = health.alive()
        return JSONResponse({"alive": alive, "components": _public(health)}, 200 if alive else 503)

    async def readyz(_request: Request) -> Response:
        ready = health.ready()
        return JSONResponse({"ready": ready, "components": _public(health)}, 200 if ready else 503)

    async def exposition(_request: Request) -> Response:
        return Response(metrics.exposition(), headers={"content-type": CONTENT_TYPE})

    return [Route("/livez", livez), Route("/readyz", readyz), Route("/metrics", exposition)]


def _public(health: ServedHealth) -> dict[str, dict[str, bool]]:
    """Return what the routes answer of each component: whether it is well, without the reason."""
    return {name: {"ok": bool(state["ok"])} for name, state in health.states().items()}


def _fault(component: _Component, now: float) -> str | None:
    silent_for = now - component.reported_at
    if not component.ok:
        return component.why
    if component.within is not None and silent_for > component.within:
        return f"has not reported for {silent_for:.0f} s"
    return None
