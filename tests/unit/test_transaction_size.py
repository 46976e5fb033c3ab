"""How many messages go into a transaction: never the same number again after a time-out."""

from __future__ import annotations

from consumer.relay.transaction_size import MAX_MESSAGES, TransactionSize


def test_halved_down_to_one() -> None:
    """Each time-out halves the next transaction, of what was sent or may be sent, until it is one message."""
    size = TransactionSize()
    size.timed_out(1000)
    assert size.messages == 500
    sizes = []
    while size.messages > 1:
        size.timed_out(2000)
        sizes.append(size.messages)
    assert sizes == [250, 125, 62, 31, 15, 7, 3, 1]
    size.timed_out(1)
    assert size.messages == 1


def test_grows_again_where_there_is_time() -> None:
    """Full transactions that are fast double it up to the most; slow ones, and ones that were not full, do not."""
    size = TransactionSize(100)
    for _ in range(20):
        size.published(100, 2.0)
        size.published(99, 0.1)
    assert size.messages == 100
    for _ in range(10):
        size.published(100, 0.1)
    assert size.messages == 200
    for _ in range(100):
        size.published(size.messages, 0.1)
    assert size.messages == MAX_MESSAGES
