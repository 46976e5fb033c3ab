-- Dedup keys, and the entries of theirs that decide about new events. The caller holds the contacts' locks. Columns come as
-- one text each (consumer/infra/postgres/column_params.py), except of times and bytes. `offset 0` fences lookups: by key
-- for each row, never a whole table, whatever the planner estimates.

-- name: read
-- The keys that are stored, each by its number among those asked for; place: where its row is, for `write`.
select a.number, k.count, k.last_counted_at, k.last_counted_key, k.last_fixed_at, k.place
from rows from (
    unnest($1::text::bigint[]), unnest($2::text::int[]), unnest($3::text::smallint[]),
    string_to_table($4::text, E'\x1f'))
    with ordinality as a(contact_id, definition_id, edition, object_key, number)
cross join lateral (
    select count, last_counted_at, last_counted_key, last_fixed_at, ctid as place from dedup_keys k
    where k.contact_id = a.contact_id and k.definition_id = a.definition_id and k.edition = a.edition
        and k.object_key = coalesce(a.object_key, '') -- one empty text alone is split into no row
    offset 0) k

-- name: counted_before
-- When entries have counted last, by contact, definition, edition and object: those of the keys asked for ($1 to $5), read
-- once for each contact and time ($6 to $9), however many keys it has.
with asked as materialized (
    select contact_id, definition_id, by_object, coalesce(object_key, '') as object_key
    from rows from (
        unnest($1::text::bigint[]), unnest($2::text::int[]), unnest($3::text::smallint[]), unnest($4::text::bool[]),
        string_to_table($5::text, E'\x1f'))
        as a(contact_id, definition_id, edition, by_object, object_key)
)
select s.contact_id, t.definition_id, t.edition, t.object_key, t.last_at
from rows from (
    unnest($6::text::int[]), unnest($7::text::bigint[]), unnest($8::timestamptz[]), unnest($9::timestamptz[]))
    as s(account_id, contact_id, since, until)
cross join lateral (
    select t.definition_id, t.edition, coalesce(t.object_id, '') as object_key, max(t.occurred_at) as last_at
    from timeline t
    where t.account_id = s.account_id and t.contact_id = s.contact_id
        and t.occurred_at >= s.since and t.occurred_at <= s.until and t.verdict = 'counted'
        and ((t.contact_id, t.definition_id) in (select contact_id, definition_id from asked where not by_object)
            or (t.contact_id, t.definition_id, coalesce(t.object_id, ''))
                in (select contact_id, definition_id, object_key from asked where by_object))
    group by 1, 2, 3
    offset 0) t

-- name: stored_entries
-- The entries of the keys asked for ($1 to $5) that are not excluded, those not counted only of the key's edition: read once
-- for each contact and time ($6 to $9), however many keys it has.
with asked as materialized (
    select contact_id, definition_id, edition, by_object, coalesce(object_key, '') as object_key
    from rows from (
        unnest($1::text::bigint[]), unnest($2::text::int[]), unnest($3::text::smallint[]), unnest($4::text::bool[]),
        string_to_table($5::text, E'\x1f'))
        as a(contact_id, definition_id, edition, by_object, object_key)
)
select s.contact_id, t.definition_id, coalesce(t.object_id, '') as object_key, t.occurred_at, t.event_key, t.edition,
    t.settled, t.verdict = 'counted' as is_counted, t.xp_worth, t.credit_number
from rows from (
    unnest($6::text::int[]), unnest($7::text::bigint[]), unnest($8::timestamptz[]), unnest($9::timestamptz[]))
    as s(account_id, contact_id, since, until)
cross join lateral (
    select definition_id, object_id, occurred_at, event_key, edition, settled, verdict, xp_worth, credit_number
    from timeline t
    where t.account_id = s.account_id and t.contact_id = s.contact_id
        and t.occurred_at >= s.since and t.occurred_at <= s.until and t.verdict <> 'excluded'
        and ((t.contact_id, t.definition_id) in (select contact_id, definition_id from asked where not by_object)
            or (t.contact_id, t.definition_id, coalesce(t.object_id, ''))
                in (select contact_id, definition_id, object_key from asked where by_object))
        and (t.verdict = 'counted' or (not t.settled
            and (t.contact_id, t.definition_id, t.edition) in (select contact_id, definition_id, edition from asked)))
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

-- name: of_definitions
-- The keys of some definitions ($2) of these contacts ($1), of all editions; place: where the row is, for `write`.
select k.contact_id, k.definition_id, k.edition, k.object_key, k.count, k.last_counted_at, k.last_counted_key,
    k.last_fixed_at, k.place
from unnest($1::bigint[]) as c(id)
cross join lateral (
    select contact_id, definition_id, edition, object_key, count, last_counted_at, last_counted_key, last_fixed_at,
        ctid as place
    from dedup_keys k where k.contact_id = c.id and k.definition_id = any($2::int[]) offset 0) k

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
