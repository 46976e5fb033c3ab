"""Every metric of the service with its name, labels and buckets (docs/contracts.md, Metrics).

Labels are bounded: topics, partitions and closed lists, never a contact, an event or an event type.
"""

from __future__ import annotations

from prometheus_client import (
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    ProcessCollector,
    disable_created_metrics,
    generate_latest,
)

from consumer.infra.telemetry.batch_histogram import BatchHistogram
from schemas.vocabulary import OUTPUT_TOPICS, DeadLetterReason, LaneStop, RefusalReason, RetryReason, Verdict

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"

STAGES = ("fetch", "decode", "match", "contacts", "apply", "commit")
RELAY_RESULTS = ("committed", "aborted")
WEBHOOK_RESULTS = ("delivered", "failed")
# Why a client's connection is closed early (infra/http_connections.py), and of what an account has its share
# (web/http/admission.py).
CONNECTIONS_CLOSED = ("headers", "body", "stalled", "displaced", "refused")
SHARES = ("all", "heavy", "long", "changes", "downloads")
# Of the tracker: what is called, and what becomes of it.
TRACKER_CALLS = (
    "track",
    "page",
    "screen",
    "identify",
    "group",
    "alias",
    "batch",
    "pixel",
    "click",
    "settings",
)
TRACKER_RESULTS = ("accepted", *map(str, RefusalReason))

_STAGE_SECONDS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_ANSWER_SECONDS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)
_AGE_SECONDS = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2, 5, 10, 30, 60, 300, 1800, 3600, 21_600, 86_400)
_RECORDS = (1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000, 20_000)


class Metrics:
    """The metrics of one process, on a registry of their own unless one is given."""

    def __init__(self, registry: CollectorRegistry | None = None) -> None:
        # Otherwise each counter has a second series, its creation time, which no rule or dashboard uses.
        disable_created_metrics()  # type: ignore[no-untyped-call] # the one function there without types
        self.registry = registry or CollectorRegistry()
        ProcessCollector(registry=self.registry)
        self._ingest()
        self._lanes()
        self._relay()
        self._webhooks()
        self._events()
        self._http()
        self._tracker()
        self._initialize_closed_lists()

    def exposition(self) -> bytes:
        """Return all metrics in Prometheus' text format, of type CONTENT_TYPE."""
        return generate_latest(self.registry)

    def _ingest(self) -> None:
        self.records = self._counter("records", "Records by outcome", "topic", "outcome")
        self.verdicts = self._counter("verdicts", "Verdicts on new timeline entries", "verdict")
        self.dead_letters = self._counter("dead_letters", "Dead letters by reason", "reason")
        self.conflicting_duplicates = self._counter(
            "conflicting_duplicates", "Events with a known event key and different contents"
        )
        self.batch_seconds = self._histogram(
            "batch_seconds", "Seconds that a batch spent in each stage", _STAGE_SECONDS, "stage"
        )
        self.batch_records = self._histogram("batch_records", "Records per batch", _RECORDS)
        self.pipelines_reading = self._gauge(
            "pipelines_reading", "Pipelines of this process that are to read, by the load"
        )
        self.freshness_seconds = BatchHistogram(
            "engagement_freshness_seconds",
            "Seconds from a record's timestamp to the commit of its batch",
            buckets=_AGE_SECONDS,
            registry=self.registry,
        )
        self.database_retries = self._counter(
            "database_retries", "Batches retried after a transient database error, by reason", "reason"
        )

    def _lanes(self) -> None:
        self.lane_lag_records = self._gauge(
            "lane_lag_records", "Records not processed yet", "topic", "partition"
        )
        self.lane_lag_seconds = self._gauge(
            "lane_lag_seconds",
            "Age of the oldest record not processed yet, in seconds, 0 when caught up",
            "topic",
            "partition",
        )
        self.lane_open_transaction_seconds = self._gauge(
            "lane_open_transaction_seconds",
            "Seconds for which a producer's open transaction has held back the lane, at least; 0 if none does",
            "topic",
            "partition",
        )
        self.lanes_unowned = self._gauge("lanes_unowned", "Lanes that no worker holds")
        self.lane_stopped = self._gauge(
            "lane_stopped", "Lanes stopped until an operator acts, by reason", "reason"
        )
        self.lane_fenced = self._counter(
            "lane_fenced", "Batches refused because another worker had taken one of their lanes"
        )
        self.rebalances = self._counter("rebalances", "Takeovers of slices that another pipeline held")

    def _relay(self) -> None:
        self.publish_seconds = self._histogram(
            "publish_seconds",
            "Seconds from the commit of a message to its acknowledgement by Kafka",
            _AGE_SECONDS,
        )
        self.outbox_messages = self._gauge("outbox_messages", "Messages not published yet")
        self.outbox_oldest_seconds = self._gauge(
            "outbox_oldest_seconds",
            "Age of the oldest message not published yet, in seconds, 0 if there is none",
        )
        self.relay_transactions = self._counter(
            "relay_transactions",
            "Kafka transactions of the relay (in plain mode: flushes), by result",
            "result",
        )
        self.messages_shortened = self._counter(
            "messages_shortened", "Messages that were too large for their topic, published in part", "topic"
        )
        self.messages_left_out = self._counter(
            "messages_left_out", "Messages that were too large for their topic and not published", "topic"
        )

    def _webhooks(self) -> None:
        self.webhook_attempts = self._counter(
            "webhook_attempts", "Attempts to send to webhooks, by result", "result"
        )
        self.webhooks_paused = self._gauge(
            "webhooks_paused", "Webhooks to which nothing is sent, since attempts kept failing"
        )

    def _events(self) -> None:
        self.event_clients = self._gauge("event_clients", "Clients that are connected to a stream of events")

    def _http(self) -> None:
        self.http_requests = self._counter(
            "http_requests",
            "Requests by route, method and status (none: the client was gone before the answer)",
            *("route", "method", "status"),
        )
        self.http_request_seconds = self._histogram(
            "http_request_seconds", "Seconds until an answer began", _ANSWER_SECONDS, "route", "method"
        )
        self.http_requests_in_flight = self._gauge(
            "http_requests_in_flight", "Requests whose answers are not complete"
        )
        self.http_connections_open = self._gauge("http_connections_open", "Open connections of clients")
        self.http_connections_closed = self._counter(
            "http_connections_closed", "Connections of clients that were closed early, by reason", "reason"
        )
        self.http_throttled = self._counter(
            "http_throttled", "Requests answered 429, by the share that their account had used", "share"
        )
        self.pool_connections_in_use = self._gauge(
            "pool_connections_in_use", "Connections to the database that requests have"
        )
        self.pool_requests_waiting = self._gauge(
            "pool_requests_waiting", "Requests that wait for a connection, or for their account's turn"
        )

    def _tracker(self) -> None:
        self.tracker_requests = self._counter(
            "tracker_requests", "Requests to the tracker, by call and result", "call", "result"
        )
        self.tracker_events = self._counter("tracker_events", "Events of the tracker, by result", "result")
        self.tracker_kafka_seconds = self._histogram(
            "tracker_kafka_seconds", "Seconds that a call waited for Kafka's acknowledgement", _STAGE_SECONDS
        )
        self.tracker_waiting = self._gauge("tracker_waiting", "Calls that wait for Kafka's acknowledgement")
        self.tracker_pixels_waiting = self._gauge(
            "tracker_pixels_waiting", "Events of pixels and links that Kafka has not acknowledged yet"
        )
        self.tracker_dropped = self._counter(
            "tracker_dropped", "Events of pixels and links that were dropped: there was no room for them"
        )
        self.tracker_keys_age_seconds = self._gauge(
            "tracker_keys_age_seconds", "Seconds since the tracker's keys were last those of the database"
        )

    def _initialize_closed_lists(self) -> None:
        """Export the series of closed lists from the first scrape on: a rate needs a zero to rise from."""
        for counter, label, values in (
            (self.verdicts, "verdict", Verdict),
            (self.dead_letters, "reason", DeadLetterReason),
            (self.database_retries, "reason", RetryReason),
            (self.lane_stopped, "reason", LaneStop),
            (self.relay_transactions, "result", RELAY_RESULTS),
            (self.webhook_attempts, "result", WEBHOOK_RESULTS),
            (self.messages_shortened, "topic", OUTPUT_TOPICS),
            (self.messages_left_out, "topic", OUTPUT_TOPICS),
            (self.batch_seconds, "stage", STAGES),
            (self.http_connections_closed, "reason", CONNECTIONS_CLOSED),
            (self.http_throttled, "share", SHARES),
            (self.tracker_events, "result", TRACKER_RESULTS),
        ):
            for value in values:
                counter.labels(**{label: value})

    def _counter(self, name: str, meaning: str, *labels: str) -> Counter:
        return Counter(f"engagement_{name}", meaning, labels, registry=self.registry)

    def _gauge(self, name: str, meaning: str, *labels: str) -> Gauge:
        return Gauge(f"engagement_{name}", meaning, labels, registry=self.registry)

    def _histogram(self, name: str, meaning: str, buckets: tuple[float, ...], *labels: str) -> Histogram:
        return Histogram(f"engagement_{name}", meaning, labels, buckets=buckets, registry=self.registry)
