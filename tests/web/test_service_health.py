"""The health of the whole service, as operators of all accounts read it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any

import pytest

from consumer.infra.postgres.schema_version import PROGRAM
from consumer.web.http.auth import Permission
from consumer.web.live.lag_history import LagHistory
from tests.web.api_client import bearer

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

    from consumer.infra.postgres.connection import Connection
    from tests.web.api_client import Api

_AT = datetime(2026, 3, 2, 10, 0, tzinfo=UTC)


@pytest.fixture
def history(api: Api) -> Iterator[LagHistory]:
    """Give the history of a process that knows Kafka."""
    api.app.state.lag_history = made = LagHistory(knows_kafka=True)
    yield made
    api.app.state.lag_history = None


@pytest.fixture
async def lanes(observer: Connection) -> None:
    """Have two lanes of deals, one of which is stopped, held by a worker that is alive, and a relay."""
    await observer.execute(
        "truncate lanes, slices, workers, relays; "
        "insert into lanes (topic, partition, next_offset, stopped) "
        "values ('deals', 0, 7, null), ('deals', 1, 9, 'paused'); "
        "insert into workers (name, pipelines, backend, expires_at) "
        "values ('host:1', '{0,1}', pg_backend_pid(), now() + interval '1 hour'), "
        "('host:2', '{0}', 0, now() - interval '1 minute'); "
        "insert into slices (number, worker_id, pipeline) "
        "select 0, id, 1 from workers where name = 'host:1'; "
        "insert into relays (owner, backend, expires_at) "
        "values ('host:1', pg_backend_pid(), now() + interval '1 hour')"
    )


async def _health(api: Api) -> dict[str, Any]:
    answer = await api.client.get("/v1/health", headers=bearer("*"))
    assert answer.status_code == 200, answer.text
    found: dict[str, Any] = answer.json()
    return found


@pytest.mark.usefixtures("lanes")
async def test_what_the_database_has_is_shown(api: Api) -> None:
    """Lanes, who holds them, why one is stopped, living workers and relays are shown; lag is not known here."""
    health = await _health(api)
    assert (health["kafka"], health["measured_at"], health["freshness_seconds"]) == ("unknown", None, None)
    running, stopped = health["lanes"]
    assert (running["holder"], running["next_offset"], running["lag_records"]) == ("host:1/1", 7, None)
    assert (stopped["holder"], stopped["stopped"]) == (None, "paused")
    assert stopped["way_out"] == "engagement lanes resume deals 1"
    worker = {"name": "host:1", "version": PROGRAM, "pipelines": 2, "slices": 1}
    assert health["workers"] == [worker]
    assert health["relays"] == [{"name": "host:1", "shards": 0}]
    assert health["outbox"] == {"messages": 0, "oldest_seconds": 0, "samples": []}
    assert health["program"] == health["schema_version"] == PROGRAM


@pytest.mark.usefixtures("lanes")
async def test_lag_is_shown_over_time(api: Api, history: LagHistory) -> None:
    """The lag of a topic is the sum of its lanes and the greatest age, now and in each sample of the last hour."""
    history.add(_AT, {("deals", 0): (5, 2.5)}, 3)
    history.add(_AT + timedelta(seconds=15), {("deals", 0): (2, 1.0), ("deals", 1): (4, 60.0)}, None)
    health = await _health(api)
    assert health["kafka"] == "read"
    assert health["freshness_seconds"] == 60
    [topic] = health["topics"]
    assert (topic["lag_records"], topic["lag_seconds"]) == (6, 60)
    assert next(datetime.fromisoformat(each["at"]) for each in topic["samples"]) == _AT
    assert [(each["records"], each["seconds"]) for each in topic["samples"]] == [(5, 2.5), (6, 60)]
    assert [each["messages"] for each in health["outbox"]["samples"]] == [3, None]
    history.add(_AT + timedelta(seconds=30), {}, 0)
    health = await _health(api)
    assert (health["kafka"], health["freshness_seconds"]) == ("unavailable", None)
    assert health["topics"][0]["samples"][-1]["records"] is None


def test_an_hour_is_kept() -> None:
    """Samples of the last hour are kept, no more."""
    history = LagHistory(knows_kafka=False)
    for number in range(200):
        history.add(_AT + number * timedelta(seconds=30), {}, number)
    assert history.samples[-1].at - history.samples[0].at < timedelta(hours=1)
    assert len(history.samples) == 120


async def test_it_is_for_tokens_of_all_accounts(api: Api, new_account: Callable[..., Awaitable[str]]) -> None:
    """A token of one account is answered 404, one without the permission 403."""
    account = await new_account()
    assert (await api.client.get("/v1/health", headers=bearer(account))).status_code == 404
    reader = bearer("*", [Permission.READ])
    assert (await api.client.get("/v1/health", headers=reader)).status_code == 403
