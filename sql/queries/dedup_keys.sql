-- Dedup keys, and the entries of theirs that decide about new events. The caller holds the contacts' locks. Columns come as
-- one text each (consumer/infra/postgres/column_params.py), except of times and bytes. `offset 0` fences lookups: by key
-- for each row, never a whole table, whatever the planner estimates.

-- name: read
-- The keys that are stored, each by its number among those asked for; place: where its row is, for `write`.
select a.number, k.count, k.last_counted_at, k.last_counted_key, k.last_fixed_at, k.ctid as place
from rows from (
    unnest($1::text::bigint[]), unnest($2::text::int[]), unnest($3::text::smallint[]),
    string_to_table($4::text, E'\x1f'))
    with ordinality as a(contact_id, definition_id, edition, object_key, number)
cross join lateral (
    select k.ctid, k.* from dedup_keys k
    where k.contact_id = a.contact_id and k.definition_id = a.definition_id and k.edition = a.edition
        and k.object_key = coalesce(a.object_key, '') -- one empty text alone is split into no row
    offset 0) k

-- name: counted_before
-- By contact and definition, and by object where asked for ($5), when entries of older editions have counted last after
-- $6: the last fixed points of keys that are not stored yet.
select a.number, t.object_key, t.last_at
from rows from (
    unnest($1::text::int[]), unnest($2::text::bigint[]), unnest($3::text::int[]), unnest($4::text::smallint[]),
    unnest($5::text::bool[]), unnest($6::timestamptz[]))
    with ordinality as a(account_id, contact_id, definition_id, edition, by_object, since, number)
cross join lateral (
    select case when a.by_object then coalesce(t.object_id, '') else '' end as object_key, max(t.occurred_at) as last_at
    from timeline t
    where t.account_id = a.account_id and t.contact_id = a.contact_id and t.occurred_at > a.since
        and t.definition_id = a.definition_id and t.edition < a.edition and t.verdict = 'counted'
    group by 1
    offset 0) t

-- name: stored_entries
-- The entries of each key from $6 to $7: those of its edition that are not excluded, and what has counted as a fixed point.
select a.number, t.occurred_at, t.event_key, t.edition, t.settled, t.verdict = 'counted' as is_counted, t.xp_worth,
    t.credit_number
from rows from (
    unnest($1::text::int[]), unnest($2::text::bigint[]), unnest($3::text::int[]), unnest($4::text::smallint[]),
    unnest($5::text::bool[]), unnest($6::timestamptz[]), unnest($7::timestamptz[]), string_to_table($8::text, E'\x1f'))
    with ordinality as a(account_id, contact_id, definition_id, edition, by_object, since, until, object_key, number)
cross join lateral (
    select * from timeline t
    where t.account_id = a.account_id and t.contact_id = a.contact_id
        and t.occurred_at >= a.since and t.occurred_at <= a.until
        and t.definition_id = a.definition_id and t.edition <= a.edition and t.verdict <> 'excluded'
        and (t.verdict = 'counted' or (t.edition = a.edition and not t.settled))
        and (not a.by_object or coalesce(t.object_id, '') = coalesce(a.object_key, ''))
    offset 0) t

-- name: write
-- Stores new keys ($1 to $8), and the new states of those at the given places ($9 to $13).
with changed as (
    update dedup_keys k
    set count = u.count, last_counted_at = u.last_counted_at, last_counted_key = u.last_counted_key,
        last_fixed_at = u.last_fixed_at
    from rows from (
        string_to_table($9::text, E'\x1f'), unnest($10::text::int[]), unnest($11::timestamptz[]), unnest($12::bytea[]),
        unnest($13::timestamptz[]))
        as u(place, count, last_counted_at, last_counted_key, last_fixed_at)
    where k.ctid = u.place::tid
)
insert into dedup_keys (contact_id, definition_id, edition, object_key, count, last_counted_at, last_counted_key,
                        last_fixed_at)
select contact_id, definition_id, edition, coalesce(object_key, ''), count, last_counted_at, last_counted_key, last_fixed_at
from rows from (
    unnest($1::text::bigint[]), unnest($2::text::int[]), unnest($3::text::smallint[]),
    string_to_table($4::text, E'\x1f'), unnest($5::text::int[]), unnest($6::timestamptz[]), unnest($7::bytea[]),
    unnest($8::timestamptz[]))
    as n(contact_id, definition_id, edition, object_key, count, last_counted_at, last_counted_key, last_fixed_at)

-- name: of_definition
-- The keys of a definition ($2) of these contacts ($1), of all editions.
select k.contact_id, k.definition_id, k.edition, k.object_key, k.count, k.last_counted_at, k.last_counted_key,
    k.last_fixed_at
from unnest($1::bigint[]) as c(id)
cross join lateral (
    select * from dedup_keys k where k.contact_id = c.id and k.definition_id = $2 offset 0) k

-- name: delete
-- Deletes all keys of a definition ($2) of these contacts ($1).
delete from dedup_keys k
using (
    select k.ctid as place
    from unnest($1::bigint[]) as c(id)
    cross join lateral (
        select ctid from dedup_keys k where k.contact_id = c.id and k.definition_id = $2 offset 0) k
) d
where k.ctid = d.place
