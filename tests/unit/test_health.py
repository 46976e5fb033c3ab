"""Health: what counts as ready and as alive, by an injected clock."""

from __future__ import annotations

import httpx
import pytest
import structlog

from consumer.infra import http_server
from consumer.infra.http_server import CannotListenError
from consumer.infra.telemetry import health
from consumer.infra.telemetry.health import STUCK_AFTER, Health
from consumer.infra.telemetry.metrics import Metrics
from tests.clock_by_hand import ClockByHand


@pytest.fixture
def clock() -> ClockByHand:
    return ClockByHand()


def test_a_process_is_not_ready_before_everyone_has_reported(clock: ClockByHand) -> None:
    """Neither nothing expected, nor an expected component without a report, is ready."""
    status = Health(clock)
    assert not status.ready()
    status.expect("database")
    status.expect("kafka")
    status.report("database", ok=True)
    assert status.states()["kafka"] == {"ok": False, "why": "has not reported yet"}
    assert not status.ready()
    status.report("kafka", ok=True)
    assert status.ready()


def test_a_process_may_be_ready_without_a_component(clock: ClockByHand) -> None:
    """A component that is not required is shown, well or not, and readiness does not depend on it."""
    status = Health(clock)
    status.expect("database")
    status.expect("tracker", within=5, required=False)
    status.report("database", ok=True)
    assert status.ready()
    assert not status.states()["tracker"]["ok"]
    status.report("tracker", ok=False, why="is not connected to Kafka")
    assert status.ready()


def test_a_bad_report_says_why_until_a_good_one(clock: ClockByHand) -> None:
    """One component that is not well makes the process not ready, with its reason; it stays alive."""
    status = Health(clock)
    status.report("database", ok=False, why="TimeoutError")
    assert not status.ready()
    assert status.alive()
    assert status.states() == {"database": {"ok": False, "why": "TimeoutError"}}
    status.report("database", ok=True)
    assert status.ready()


def test_a_good_report_goes_stale(clock: ClockByHand) -> None:
    """A component that must report within 5 s is not well after 5.1 s of silence."""
    status = Health(clock)
    status.expect("ingest", within=5)
    status.report("ingest", ok=True)
    clock.seconds += 5
    assert status.ready()
    clock.seconds += 0.1
    assert not status.ready()
    assert status.states()["ingest"]["why"] == "has not reported for 5 s"


def test_only_a_silent_main_loop_is_death(clock: ClockByHand) -> None:
    """/livez fails after a minute of silence of a vital component, while bad reports and other silences do not."""
    status = Health(clock)
    status.expect("ingest", within=5, vital=True)
    status.expect("kafka", within=5)
    clock.seconds += STUCK_AFTER
    assert status.alive()
    status.report("ingest", ok=False, why="the database is away")
    clock.seconds += STUCK_AFTER
    assert status.alive()
    clock.seconds += 1
    assert not status.alive()
    status.forget("ingest")
    assert status.alive()


async def test_the_routes_name_components_and_no_reasons(clock: ClockByHand) -> None:
    """/livez and /readyz name each component and whether it is well; addresses and messages are in the log alone.

    A state that lasts is logged once a minute.
    """
    status = Health(clock)
    with structlog.testing.capture_logs() as lines:
        for attempt in range(5):
            status.report("database", ok=False, why=f"attempt {attempt}: db.internal:5432 refused")
        status.report("kafka", ok=True)
    app = health.application(status, Metrics())
    async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://health") as client:
        for path, answer in (("/livez", {"alive": True}), ("/readyz", {"ready": False})):
            components = {"database": {"ok": False}, "kafka": {"ok": True}}
            assert (await client.get(path)).json() == {**answer, "components": components}
    assert [(line["component"], line["why"]) for line in lines] == [
        ("database", "attempt 0: db.internal:5432 refused")
    ]


def test_a_taken_port_is_known_before_serving() -> None:
    """Listening on a port that is in use raises at once; the error names the address and the setting."""
    with http_server.listen("127.0.0.1", 0) as first:
        port = first.getsockname()[1]
        with pytest.raises(
            CannotListenError, match=rf"^127\.0\.0\.1:{port} is in use: set ENGAGEMENT_HTTP_PORT"
        ):
            http_server.listen("127.0.0.1", port)


def test_an_address_of_another_machine_is_named_with_its_settings() -> None:
    """An address that this machine does not have is an error that names it, both settings and the reason."""
    with pytest.raises(CannotListenError) as raised:
        http_server.listen("192.0.2.1", 80)
    assert str(raised.value).startswith(
        "cannot listen on 192.0.2.1:80 (ENGAGEMENT_HTTP_HOST, ENGAGEMENT_HTTP_PORT): "
    )
