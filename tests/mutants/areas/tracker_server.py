"""Mutants of the tracker as a server: keys, signatures, limits, Kafka."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    Mutant(
        "expired-keys-are-valid",
        breaks="a key that was replaced is valid for ever",
        test="tests/web/test_known_keys.py::test_a_rotated_key_is_valid_for_a_while",
        edits=(
            Edit(
                "consumer/web/tracker/known_keys.py",
                old="        if known is None or self._is_over(known):\n",
                new="        if known is None:\n",
            ),
        ),
    ),
    Mutant(
        "ended-by-a-slow-clock",
        breaks="a revoked key is valid until the clock of the process has caught up",
        test="tests/web/test_known_keys.py::test_a_clock_that_is_slow_keeps_no_key_alive",
        edits=(
            Edit(
                "sql/queries/tracker_tokens.sql",
                old="array_agg(case when one.expires_at <= now() then 'epoch' else one.expires_at end)",
                new="array_agg(one.expires_at)",
            ),
        ),
    ),
    Mutant(
        "revoked-without-a-revision",
        breaks="no process hears that a token was revoked",
        test="tests/web/test_known_keys.py::test_a_revoked_token_stops",
        edits=(
            Edit(
                "sql/queries/tracker_tokens.sql",
                old="update tracker_tokens set revision = $2, revoked_at = now() where id = $1",
                new="update tracker_tokens set revoked_at = now() where id = $1 and $2 > 0",
            ),
        ),
    ),
    Mutant(
        "lost-commits-of-keys",
        breaks="tokens that the database has lost stay known",
        test="tests/web/test_known_keys.py::test_lost_commits_are_noticed",
        edits=(
            Edit(
                "consumer/web/tracker/known_keys.py",
                old="        if keys is None or keys.incarnation != incarnation or keys.revision > revision:\n",
                new="        if keys is None or keys.incarnation != incarnation:\n",
            ),
        ),
    ),
    Mutant(
        "counts-of-an-outage",
        breaks="counts that could not be written are forgotten",
        test="tests/web/test_known_keys.py::test_counts_wait_for_no_lock",
        edits=(
            Edit(
                "consumer/web/tracker/known_keys.py",
                old="            for token, left in counts.items():\n",
                new="            for token, left in dict[str, _Count]().items():\n",
            ),
        ),
    ),
    Mutant(
        "clicks-lead-anywhere",
        breaks="the page that a link leads to is not signed",
        test="tests/unit/test_tracker_links.py::test_a_click_leads_where_it_was_signed_for",
        edits=(
            Edit(
                "consumer/domain/tracker_links.py",
                old="    parts = [part for part in link if part is not None]\n",
                new="    parts = [part for part in link[:3] if part is not None]\n",
            ),
        ),
    ),
    Mutant(
        "answered-before-kafka",
        breaks="a call is answered 200 before Kafka has its event",
        test="tests/tracker/test_without_kafka.py::test_a_broker_that_freezes",
        edits=(
            Edit(
                "consumer/web/tracker/handle_calls.py",
                old="        await tracker.writer.write(records)\n",
                new="        tracker.writer.write(records)\n",
            ),
        ),
    ),
    Mutant(
        "last-record-of-a-full-batch",
        breaks="the record that a full batch has no room for is dropped, and its call answered 200",
        test="tests/tracker/test_calls.py::test_more_than_one_batch_of_kafka_takes",
        edits=(
            Edit(
                "consumer/web/tracker/kafka_writer.py",
                old="                if taken_in is None:\n                    break\n",
                new="",
            ),
            Edit(
                "consumer/web/tracker/kafka_writer.py",
                old="                if calls and builder.size() + len(record.value) > self._batch_bytes:\n",
                new="                if calls and not self._batch_bytes:\n",
            ),
        ),
    ),
    Mutant(
        "burst-at-the-edge-of-a-window",
        breaks="what the window before has brought does not count",
        test="tests/tracker/test_limits.py::test_a_window_has_room_for_ten_seconds",
        edits=(
            Edit(
                "consumer/web/tracker/limits.py",
                old="        if self._sliding and (before := self._before.get(key)):\n",
                new="        if not self._sliding and (before := self._before.get(key)):\n",
            ),
        ),
    ),
    Mutant(
        "origin-left-out",
        breaks="a call without an origin passes where a token has origins",
        test="tests/tracker/test_calls.py::test_refusals_say_why",
        edits=(
            Edit(
                "consumer/web/tracker/tracker.py",
                old="        if found.origins and not any_origin and request.origin not in found.origins:\n",
                new="        if found.origins and request.origin and request.origin not in found.origins:\n",
            ),
        ),
    ),
    Mutant(
        "forwarded-by-anybody",
        breaks="X-Forwarded-For is believed from any client",
        test="tests/tracker/test_client_address.py::test_addresses",
        edits=(
            Edit(
                "consumer/web/tracker/client_address.py",
                old="        if not self._proxies or not forwarded or not self._trusted(peer):\n",
                new="        if not self._proxies or not forwarded:\n",
            ),
        ),
    ),
    Mutant(
        "earlier-window-brought-back",
        breaks="an instant of an earlier window empties the counters of all tokens",
        test="tests/tracker/test_limits.py::test_an_earlier_instant_resets_nothing",
        edits=(
            Edit(
                "consumer/web/tracker/limits.py",
                old="            if began - _SET_BACK <= now < began:\n",
                new="            if now < began - _SET_BACK:\n",
            ),
        ),
    ),
    Mutant(
        "contacts-without-bound",
        breaks="a stranger with a public key fills the account with contacts",
        test="tests/tracker/test_contacts_of_day.py::test_a_day_has_so_many_contacts",
        edits=(
            Edit(
                "consumer/web/tracker/contacts_of_day.py",
                old="            if self._is_named(first) and self._is_named(second):\n",
                new="            if self._is_named(first) or len(self._named) > 0:\n",
            ),
        ),
    ),
    Mutant(
        "large-calls-cost-one",
        breaks="a quota of events bounds no bytes",
        test="tests/tracker/test_limits.py::test_large_calls_count_more",
        edits=(
            Edit(
                "consumer/web/tracker/limits.py",
                old="    return max(events, min(-(-size // _BYTES), largest_batch(write_key)))\n",
                new="    return max(events, min(-(-size // 2**20), largest_batch(write_key)))\n",
            ),
        ),
    ),
    Mutant(
        "half-sent-body-at-work",
        breaks="clients that never complete their bodies keep all others out",
        test="tests/unit/test_http_server.py::test_half_sent_bodies_displace_nobody_who_sends",
        edits=(
            Edit(
                "consumer/infra/http_connections.py",
                old="_INCOMPLETE = (h11.IDLE, h11.SEND_BODY)\n",
                new="_INCOMPLETE = (h11.IDLE,)\n",
            ),
        ),
    ),
)
