"""Records, events and the rules that need neither Kafka nor Postgres. Layer: domain. Pure.

Read `verdict_rule.py` first: the rule of docs/semantics.md §4 (always, once, cooldown, settled events).
`dedup_key.py` applies it to new events of a key whose state is remembered, late ones included. `decode.py` turns a
record into an event or a dead letter, `decode_carefully.py` with every rule of §2 in its order.
"""
