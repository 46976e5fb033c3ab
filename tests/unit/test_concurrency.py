"""How many pipelines of a process read, by its load."""

from __future__ import annotations

from consumer.infra.telemetry.metrics import Metrics
from consumer.ingest.concurrency import JOIN_AFTER, LEAVE_AFTER, Concurrency
from tests.clock_by_hand import ClockByHand

_FULL = 5000


class _Load:
    """Batches at a pace, and how many pipelines they want."""

    def __init__(self, most: int) -> None:
        self.clock = ClockByHand()
        self.metrics = Metrics()
        self.concurrency = Concurrency(self.clock, most, self.metrics)

    def batches(self, records: int, *, every: float, seconds: float, full: bool) -> int:
        """Note batches for so long; return how many pipelines are wanted after them."""
        until = self.clock.seconds + seconds
        while self.clock.seconds < until:
            self.clock.seconds += every
            self.concurrency.note_batch(records, full=full)
        return self.concurrency.wanted


def test_one_pipeline_reads_while_it_keeps_up() -> None:
    """However busy it is: batches that are not full hold all that waits."""
    load = _Load(most=4)
    assert load.batches(4000, every=0.5, seconds=60, full=False) == 1
    assert load.metrics.registry.get_sample_value("engagement_pipelines_reading") == 1


def test_another_joins_when_batches_stay_full() -> None:
    """After two seconds of full batches, and again after two more; never more than there are."""
    load = _Load(most=3)
    assert load.batches(_FULL, every=0.5, seconds=JOIN_AFTER, full=True) == 1
    assert load.batches(_FULL, every=0.5, seconds=0.5, full=True) == 2
    assert load.batches(_FULL, every=0.5, seconds=60, full=True) == 3
    assert load.metrics.registry.get_sample_value("engagement_pipelines_reading") == 3


def test_a_burst_that_ends_within_two_seconds_brings_none() -> None:
    """One batch that is not full says that nothing more waits."""
    load = _Load(most=2)
    for _ in range(10):
        assert load.batches(_FULL, every=0.5, seconds=1.5, full=True) == 1
        assert load.batches(10, every=0.1, seconds=0.1, full=False) == 1


def test_it_leaves_when_the_others_would_keep_up() -> None:
    """One took 10,000 records a second at full load: below 7,000, for ten seconds, the second leaves."""
    load = _Load(most=2)
    assert load.batches(_FULL, every=0.5, seconds=2.5, full=True) == 2
    assert load.batches(900, every=0.1, seconds=3 * LEAVE_AFTER, full=False) == 2
    assert load.batches(600, every=0.1, seconds=LEAVE_AFTER / 2, full=False) == 2
    assert load.batches(600, every=0.1, seconds=LEAVE_AFTER, full=False) == 1


def test_it_leaves_when_nothing_comes_any_more() -> None:
    """Fetches that bring nothing count too."""
    load = _Load(most=2)
    assert load.batches(_FULL, every=0.5, seconds=2.5, full=True) == 2
    assert load.batches(0, every=0.2, seconds=2 * LEAVE_AFTER, full=False) == 1


def test_a_backlog_is_what_the_last_batch_left() -> None:
    """A full batch leaves records waiting; one that is not full has taken all."""
    load = _Load(most=1)
    assert not load.concurrency.has_backlog
    load.concurrency.note_batch(_FULL, full=True)
    assert load.concurrency.has_backlog
    load.concurrency.note_batch(0, full=False)
    assert not load.concurrency.has_backlog
