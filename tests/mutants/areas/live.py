"""Mutants of live events and webhooks."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        "resumed-after-a-gap",
        breaks="a client that resumes after messages have gone is not sent to read again",
        test="tests/web/test_events.py::test_an_id_that_is_too_old_or_none_is_answered_by_a_reset",
        edits=(
            Edit(
                "consumer/web/live/catch_up.py",
                old="+ 1 < first:\n                    resuming.remove(listener)\n",
                new="+ 1 < first:\n                    listener.position = read\n",
            ),
        ),
    ),
    Mutant(
        "slow-clients-unbounded",
        breaks="what waits for a client that reads slowly grows without a bound",
        test="tests/web/test_events.py::test_a_slow_client_is_bounded",
        edits=(
            Edit(
                "consumer/web/live/listener.py",
                old="if len(self._waiting) >= MAX_EVENTS or self._bytes + len(event) > MAX_BYTES:",
                new="if self._bytes + len(event) > 1000 * MAX_BYTES:",
            ),
        ),
    ),
    Mutant(
        "published-rows-gone-at-once",
        breaks="published rows are deleted before webhooks have had them",
        test="tests/web/test_webhook_deliveries.py::test_published_rows_wait_for_webhooks",
        edits=(
            Edit(
                "sql/queries/relay.sql",
                old="where shard = $1 and exists (select from webhooks where active)), f.floor)",
                new="where shard = $1 and exists (select from webhooks where not active)), f.floor)",
            ),
        ),
    ),
    Mutant(
        "webhooks-out-of-order",
        breaks="after a failed message about a contact the next one is sent before its repetition",
        test="tests/web/test_webhook_deliveries.py::test_messages_of_a_contact_stay_in_order",
        edits=(
            Edit(
                "consumer/relay/webhooks/deliver.py",
                old="                if not await self._send(delivery):\n                    return\n",
                new="                await self._send(delivery)\n",
            ),
        ),
    ),
    Mutant(
        "private-address-among-public-ones",
        breaks="a name that leads to a public and to a private address is connected to",
        test="tests/unit/test_webhook_sending.py::test_one_private_address_among_public_ones_is_refused",
        edits=(
            Edit(
                "consumer/relay/webhooks/addresses.py",
                old="if not private and not all(map(is_public, addresses)):",
                new="if not private and not any(map(is_public, addresses)):",
            ),
        ),
    ),
    Mutant(
        "deliveries-of-a-deleted-person",
        breaks="a deletion leaves deliveries to webhooks that name the contact",
        test="tests/web/test_webhooks.py::test_a_deletion_takes_deliveries",
        edits=(
            Edit(
                "sql/queries/webhooks.sql",
                old="where w.account_id = $1 and d.webhook_id = w.id and d.contact = $2",
                new="where w.account_id = $1 and d.webhook_id = w.id and d.contact = $2 and d.state = 'failed'",
            ),
        ),
    ),
)
