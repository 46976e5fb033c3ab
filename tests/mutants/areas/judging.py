"""Mutants of decoding and verdicts."""

from __future__ import annotations

from tests.mutants.mutant import Edit, Mutant

MUTANTS = (
    # Decoding
    Mutant(
        "usual-data-with-nul",
        breaks="U+0000 passes in a typed field where data is checked quickly",
        test="tests/unit/test_decode_usual.py::test_both_ways_agree_on_any_odd_value",
        edits=(Edit("schemas/usual_data.py", old="    if _NUL in data:\n        return False\n", new=""),),
    ),
    Mutant(
        "usual-utf8-unchecked",
        breaks="bytes that are not UTF-8 pass in members of an envelope that nothing reads",
        test="tests/unit/test_decode_usual.py::test_both_ways_agree_on_any_odd_value",
        edits=(
            Edit(
                "consumer/domain/decode_usual.py",
                old="    if not value.isascii():\n",
                new="    if False:\n",
            ),
        ),
    ),
    Mutant(
        "account-unread",
        breaks="a record that the parser refuses names no account, so that one account stops everybody's lane",
        test="tests/pipeline/test_lane_stop.py::test_those_that_no_parser_takes_stop_nothing_alone",
        edits=(
            Edit(
                "consumer/domain/cloudevents.py",
                old="        return _fault_of_unparsed(value, whole)\n",
                new="        return whole\n",
            ),
        ),
    ),
    Mutant(
        "tombstones-dead",
        breaks="a tombstone is a dead letter, so that compacted topics stop their lanes",
        test="tests/pipeline/test_lane_stop.py::test_tombstones_stop_nothing",
        edits=(
            Edit(
                "consumer/domain/decode_carefully.py",
                old="    if value is None and not cloudevents.is_announced(headers):\n        return Tombstone()\n",
                new="",
            ),
        ),
    ),
    # Verdicts
    Mutant(
        "verify-reads-all-older-entries",
        breaks="for each edition verify reads all counted entries of a contact, not only those near its events",
        test="tests/unit/test_verify_work.py::test_four_times_the_entries_are_four_times_the_work",
        edits=(
            Edit(
                "consumer/domain/verdict_rule.py",
                old="for point in points[begin:end] if",
                new="for point in points if",
            ),
        ),
    ),
    Mutant(
        "interval-inclusive",
        breaks="`<=` for `<` at the end of a cooldown",
        test="tests/pipeline/test_vectors.py::test_vector[interval-boundary]",
        edits=(
            Edit(
                "consumer/domain/verdict_rule.py",
                old="last_counted is not None and time - last_counted < interval",
                new="last_counted is not None and time - last_counted <= interval",
            ),
        ),
    ),
    Mutant(
        "arrival-order",
        breaks="events are judged in order of arrival, never again",
        test="tests/pipeline/test_vectors.py::test_vector[late-flips-a-chain]",
        edits=(
            Edit(
                "consumer/domain/dedup_key.py",
                old="    if last is not None and order < last:\n        return None\n",
                new="",
            ),
            Edit(
                "consumer/domain/dedup_key.py",
                old="is_late = bool(ordinary) and state.last_counted is not None",
                new="is_late = False and state.last_counted is not None",
            ),
        ),
    ),
    Mutant(
        "no-tie-break",
        breaks="ties are left to chance instead of broken by event key",
        test="tests/pipeline/test_vectors.py::test_vector[tie-by-event-key]",
        edits=(
            Edit(
                "consumer/domain/dedup_key.py",
                old="    if last is not None and order < last:\n",
                new="    if last is not None and order[0] < last[0]:\n",
            ),
            Edit(
                "consumer/domain/dedup_key.py",
                old="ordinary[0] < state.last_counted\n",
                new="ordinary[0][0] < state.last_counted[0]\n",
            ),
            Edit(
                "consumer/domain/dedup_key.py",
                old="if ordinary and last_counted is not None and ordinary[0] < last_counted:",
                new="if ordinary and last_counted is not None and ordinary[0][0] < last_counted[0]:",
            ),
        ),
    ),
    Mutant(
        "edition-ignored",
        breaks="what counted under older editions is no fixed point",
        test="tests/pipeline/test_vectors.py::test_vector[edition-once-after-always]",
        edits=(
            Edit(
                "consumer/ingest/judge_entries.py",
                old="if definition.edition > 1 and definition.rule.policy is not Policy.ALWAYS:",
                new="if False:",
            ),
        ),
    ),
    Mutant(
        "gate-never-moves-back",
        breaks="the last counted time only ever grows",
        test="tests/pipeline/test_gates.py::test_gate_moves_back",
        edits=(
            Edit(
                "consumer/domain/dedup_key.py",
                old="(order for (order, _), does in reversed(judged) if does), state.last_counted)",
                new="(max(order, state.last_counted or order) for (order, _), does in reversed(judged) if does),"
                " state.last_counted)",
            ),
        ),
    ),
    Mutant(
        "late-entry-not-flipped",
        breaks="stored verdicts stay as they were when a late event comes",
        test="tests/pipeline/test_vectors.py::test_vector[late-flips-a-chain]",
        edits=(
            Edit(
                "consumer/ingest/judge_entries.py",
                old="    if flipped:\n        changes +=",
                new="    if False:\n        changes +=",
            ),
        ),
    ),
    Mutant(
        "rejudgement-leaves-gates",
        breaks="a rejudgement leaves the gates as they were",
        test="tests/pipeline/test_rejudgement.py::test_what_counted_too_much_is_mended",
        edits=(
            Edit(
                "consumer/scoring/rejudgement/write.py",
                old="if definition.rule.policy is not Policy.ALWAYS:",
                new="if False:",
            ),
        ),
    ),
)
