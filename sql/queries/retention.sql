-- Purges: what is dated before an account's horizon goes (docs/semantics.md, 8.29 to 8.43). The caller of a step holds the
-- contacts' locks.

-- name: begin_due
-- Moves the horizons of accounts that are due (8.39), and begins a purge of each; not before every program that may run knows
-- what a purge leaves ($1). An account that another process is changing is due the next time. Returns the numbers of the purges.
with due as (
    select id, now() - make_interval(secs => retention_seconds) as horizon
    from accounts a
    where retention_seconds is not null
        and (horizon is null or horizon <= now() - make_interval(secs => retention_seconds) - interval '1 day')
        and not exists (select from purges p where p.account_id = a.id and p.ended_at is null)
        and $1 <= (select schema_version from installation)
    for no key update skip locked
),
moved as (
    update accounts a set horizon = d.horizon from due d where a.id = d.id returning a.id, a.horizon
)
-- Which contacts are to be processed is not known yet (jobs.sql).
insert into purges (account_id, horizon, until_contact_id, counted_contact_id)
select id, horizon, 0, -1 from moved
returning id

-- name: read
-- The progress of a purge.
select p.id, a.key as account, p.state::text as state, 'retention' as requested_by, p.began_at as requested_at, p.ended_at,
    p.contacts_done as done, p.contacts_total as total, p.horizon, p.entries_purged as purged
from purges p join accounts a on a.id = p.account_id
where p.id = $1

-- name: page
-- Purges of an account before $2, newest first (purges_by_account).
select id, state::text as state, 'retention' as requested_by, began_at as requested_at, ended_at, contacts_done as done,
    contacts_total as total, horizon, entries_purged as purged
from purges
where account_id = $1 and id < $2
order by id desc
limit $3

-- name: unfinished_jobs
-- Purges that have not ended, as jobs (purges_one_at_a_time).
select id, account_id, retry_at from purges where ended_at is null

-- name: facts
-- What a step needs of a purge. is_cancelled: the account keeps its entries for longer by now (8.40).
select p.account_id, a.key as account, p.horizon, p.state::text as state,
    a.retention_seconds is null or p.horizon > now() - make_interval(secs => a.retention_seconds) as is_cancelled
from purges p join accounts a on a.id = p.account_id
where p.id = $1

-- name: finish
-- Ends a purge, if it has not ended yet.
update purges set state = $2::text::purge_state, ended_at = now() where id = $1 and ended_at is null
returning state::text

-- name: record_entries
-- Records how many entries have lost their payload by a step.
update purges set entries_purged = entries_purged + $2 where id = $1

-- name: count_past
-- How many entries of these contacts ($2) are dated before the horizon ($3): all, and those that are whole.
select contact_id, count(*) as entries, count(*) filter (where purged_at is null) as whole
from timeline
where account_id = $1 and contact_id = any($2::bigint[]) and occurred_at < $3
group by contact_id

-- name: part
-- When the entry of a contact ($2) occurred that follows its $4 oldest whole ones.
select occurred_at from timeline
where account_id = $1 and contact_id = $2 and occurred_at < $3 and purged_at is null
order by occurred_at
offset $4
limit 1

-- name: past
-- The entries of these contacts ($2) that are dated before $3.
select contact_id, definition_id, purged_at is null as is_whole, occurred_at, event_key, edition, object_id, settled,
    verdict::text as verdict, came_by
from timeline
where account_id = $1 and contact_id = any($2::bigint[]) and occurred_at < $3

-- name: leave
-- Takes the payload of entries that stay ($3 to $6) and are dated before $2, unless an earlier purge has.
update timeline t
set type = '', source = '', event_id = '', data = '', actor_id = null, actor_type = null, settled = true, purged_at = now()
from rows from (unnest($3::bigint[]), unnest($4::timestamptz[]), unnest($5::bytea[]), unnest($6::int[]))
    as l(contact_id, occurred_at, event_key, definition_id)
where t.account_id = $1 and t.contact_id = l.contact_id and t.occurred_at = l.occurred_at and t.event_key = l.event_key
    and t.definition_id = l.definition_id and t.occurred_at < $2 and t.purged_at is null

-- name: remove
-- Removes the entries of these contacts ($2) that are dated before $3, except those that stay ($4 to $7).
with stays as materialized (
    select contact_id, occurred_at, event_key, definition_id
    from rows from (unnest($4::bigint[]), unnest($5::timestamptz[]), unnest($6::bytea[]), unnest($7::int[]))
        as l(contact_id, occurred_at, event_key, definition_id)
)
delete from timeline t
where t.account_id = $1 and t.contact_id = any($2::bigint[]) and t.occurred_at < $3
    and (t.contact_id, t.occurred_at, t.event_key, t.definition_id) not in (
        select contact_id, occurred_at, event_key, definition_id from stays)

-- name: delete_keys
-- Deletes the dedup keys at these places.
delete from dedup_keys k using string_to_table($1::text, E'\x1f') as d(place) where k.ctid = d.place::tid

-- name: carry
-- Adds to carried counts: of these contacts and definitions ($1, $2), by whose ids the entries came ($3), how many ($4), and
-- when the last of them occurred ($5).
insert into dedup_keys as k (contact_id, definition_id, edition, object_key, count, last_fixed_at)
select contact_id, definition_id, 0, object_key, count, last_at
from rows from (unnest($1::bigint[]), unnest($2::int[]), unnest($3::text[]), unnest($4::int[]), unnest($5::timestamptz[]))
    as c(contact_id, definition_id, object_key, count, last_at)
on conflict (contact_id, definition_id, edition, object_key)
do update set count = k.count + excluded.count, last_fixed_at = greatest(k.last_fixed_at, excluded.last_fixed_at)

-- name: would_be_horizon
-- The horizon that a retention period of $2 seconds gives an account now: it is never moved back.
select greatest(horizon, now() - make_interval(secs => $2::bigint)) from accounts where id = $1
