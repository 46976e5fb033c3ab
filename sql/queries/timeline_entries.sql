-- Entries on the timeline whose verdicts turn over. The caller holds the contacts' locks.

-- name: flip
-- Writes verdicts, editions and numbers of XP messages of entries, each found by its primary key; returns what messages show
-- of them.
update timeline t
set verdict = f.verdict::verdict, edition = f.edition, credit_number = f.credit_number
from rows from (
    unnest($1::text::int[]), unnest($2::text::bigint[]), unnest($3::timestamptz[]), unnest($4::bytea[]),
    unnest($5::text::int[]), string_to_table($6::text, E'\x1f'), unnest($7::text::smallint[]), unnest($8::text::int[]))
    with ordinality
    as f(account_id, contact_id, occurred_at, event_key, definition_id, verdict, edition, credit_number, number)
-- Equality, written so that only the primary key can serve it: no join reads whole partitions.
where t.occurred_at between f.occurred_at and f.occurred_at
    and (t.account_id, t.contact_id, t.occurred_at, t.event_key, t.definition_id)
        >= (f.account_id, f.contact_id, f.occurred_at, f.event_key, f.definition_id)
    and (t.account_id, t.contact_id, t.occurred_at, t.event_key, t.definition_id)
        <= (f.account_id, f.contact_id, f.occurred_at, f.event_key, f.definition_id)
returning f.number, t.type, t.source, t.event_id, t.actor_id
