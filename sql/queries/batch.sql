-- Statements of a batch's transaction, in the order in which it runs them; those of what it changes of contacts are in
-- dedup_keys.sql, contact_scores.sql, timeline_entries.sql and outbox.sql. Columns come as one text each
-- (consumer/infra/postgres/column_params.py). `offset 0` fences lookups: by key for each row, never a whole table, whatever
-- the planner estimates.

-- name: fence_and_look_up
-- Advances every lane of the batch ($1 to $10) by compare-and-set, and says how many, with the number of shards. If fewer
-- advanced than were asked for, a lane is held by another pipeline, stopped, or has been moved. Further rows: the claims
-- of these events' keys ($11, $12) that are there already, each with the number of its event; and the horizons of these
-- accounts ($13) that have one.
with asked as (
    select * from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                         $7::bigint[], $8::bigint[], $9::jsonb[], $10::text[])
        as a(topic, partition, epoch, from_offset, to_offset, last_timestamp, last_checksum, seen, recent_dead,
             stopped)
), held as (
    select asked.*
    from lanes l join asked using (topic, partition)
    where l.epoch = asked.epoch and l.next_offset = asked.from_offset and l.stopped is null
    order by l.topic, l.partition
    for no key update of l
), moved as (
    update lanes l
    set next_offset = h.to_offset, last_timestamp = h.last_timestamp, last_checksum = h.last_checksum,
        seen = h.seen, recent_dead = h.recent_dead, stopped = h.stopped
    from held h
    where l.topic = h.topic and l.partition = h.partition
    returning 1
)
select null::bigint as number, null::bigint as digest, null::int as account_id, null::timestamptz as horizon,
    (select count(*) from moved) as moved, shards
from installation
union all
select b.number, k.digest, null, null, null, null
from (
    select number, account_id, substring($12::bytea from (number::int - 1) * 16 + 1 for 16) as event_key
    from unnest($11::text::int[]) with ordinality as b(account_id, number)
) b
cross join lateral (
    select digest from claims k where k.account_id = b.account_id and k.event_key = b.event_key offset 0) k
union all
select null, null, a.id, a.horizon, null, null
from unnest($13::int[]) as one(id)
cross join lateral (select id, horizon from accounts a where a.id = one.id and a.horizon is not null offset 0) a

-- name: changed_accounts
-- The revision of the configuration, the accounts that have changed after an earlier one ($1, accounts_by_revision), and
-- whether contacts have been deleted; a row of it for each of those contacts ($2, $3: hashes) that were erased, which are
-- locked, each with its number among those asked for, and one row if there are none.
with erased as (
    select a.number, c.id, c.shard % (select shards from installation) as shard, c.deleted_before
    from rows from (unnest($2::text::int[]), unnest($3::bytea[])) with ordinality as a(account_id, id_hash, number)
    join contacts c on c.account_id = a.account_id and c.id_hash = a.id_hash
    order by c.id
    for no key update of c
)
select i.revision, array(select key from accounts where revision > $1 order by revision offset 0) as accounts,
    exists (select from deletions) as has_deletions, e.number, e.id, e.shard, e.deleted_before
from installation i left join erased e on true

-- name: on_timeline
-- The numbers of those of these events that are on the timeline.
select b.number
from rows from (
    unnest($1::text::int[]), string_to_table($2::text, E'\x1f'), unnest($3::text::bigint[]), unnest($4::bytea[]))
    with ordinality as b(account_id, subject, occurred, event_key, number)
cross join lateral (
    select coalesce(survivor_id, id) as id from contacts c
    where c.account_id = b.account_id and c.external_id = b.subject offset 0) c
where exists (
    select from timeline t
    where t.account_id = b.account_id and t.contact_id = c.id
        and t.occurred_at = timestamptz 'epoch' + b.occurred * interval '1 microsecond' and t.event_key = b.event_key
    offset 0)

-- name: release_claims
-- Gives claims of this transaction back.
delete from claims k
using rows from (unnest($1::int[]), unnest($2::bytea[])) as r(account_id, event_key)
where k.account_id = r.account_id and k.event_key = r.event_key

-- name: deleted_before
-- Until when what came by these ids (erased ones by $3, their hashes) is deleted, by the numbers of the ids.
select a.number, m.deleted_before
from rows from (unnest($1::text::int[]), string_to_table($2::text, E'\x1f'), unnest($3::bytea[]))
    with ordinality as a(account_id, external_id, id_hash, number)
cross join lateral (
    select deleted_before from contacts c where c.account_id = a.account_id and c.external_id = a.external_id
    union all
    select deleted_before from contacts c where c.account_id = a.account_id and c.id_hash = a.id_hash
    offset 0) m
where m.deleted_before is not null

-- name: claim_and_lock
-- Claims event keys ($3 to $5) in their order, and then locks those of these contacts ($1, $2) that exist, and those that
-- they have been joined to, in the order of their numbers. What depends on them has to be read by later statements: this
-- one sees other tables as of before it waited.
with claimed as (
    insert into claims (account_id, event_key, digest)
    select account_id, substring($4::bytea from (number::int - 1) * 16 + 1 for 16), digest
    from rows from (unnest($3::text::int[]), unnest($5::text::bigint[])) with ordinality as n(account_id, digest, number)
    returning 1
)
select c.id, c.account_id, c.external_id, c.shard % (select shards from installation) as shard, c.survivor_id,
    c.has_absorbed, c.deleted_before
from contacts c
where c.id = any(array(
    select unnest(array[c.id, c.survivor_id])
    from rows from (unnest($1::text::int[]), string_to_table($2::text, E'\x1f')) as a(account_id, external_id)
    cross join lateral (
        select id, survivor_id from contacts c
        where c.account_id = a.account_id and c.external_id = a.external_id offset 0) c))
    and (select count(*) from claimed) >= 0 -- else they would be claimed after it
order by c.id
for no key update of c

-- name: create_contacts
-- Creates contacts, and so locks them.
insert into contacts (account_id, external_id, shard)
select account_id, external_id, shard
from rows from (unnest($1::text::int[]), string_to_table($2::text, E'\x1f'), unnest($3::text::smallint[]))
    as n(account_id, external_id, shard)
order by account_id, external_id
returning id, account_id, external_id, shard % (select shards from installation) as shard

-- name: uncreate_contacts
-- Deletes contacts that this transaction has created.
delete from contacts where id = any($1::bigint[])

-- name: erase_contacts
-- Takes the ids ($1) of contacts away, and keeps their hashes.
update contacts c set external_id = null, id_hash = e.id_hash
from rows from (unnest($1::bigint[]), unnest($2::bytea[])) as e(id, id_hash)
where c.id = e.id

-- name: revive_contacts
-- Gives erased contacts their ids again; as contacts they are new. What joins say of them is to be carried out.
with revived as (
    update contacts c set external_id = r.external_id, id_hash = null, created_at = now()
    from rows from (unnest($1::bigint[]), unnest($2::text[])) as r(id, external_id)
    where c.id = r.id
    returning c.id, c.account_id
)
insert into identity_work (contact_id, account_id) select id, account_id from revived on conflict do nothing

-- name: contact_fields
-- Stores the latest value of each field of a contact by time, then event key.
insert into contact_fields as f (account_id, contact_id, field, value, occurred_at, event_key)
select distinct on (contact_id, field) account_id, contact_id, field, value, occurred_at, event_key
from rows from (unnest($1::int[]), unnest($2::bigint[]), unnest($3::text[]), unnest($4::text[]), unnest($5::timestamptz[]),
                unnest($6::bytea[])) as u(account_id, contact_id, field, value, occurred_at, event_key)
order by contact_id, field, occurred_at desc, event_key desc
on conflict (contact_id, field) do update
set value = excluded.value, occurred_at = excluded.occurred_at, event_key = excluded.event_key
where (excluded.occurred_at, excluded.event_key) > (f.occurred_at, f.event_key)

-- name: joined_fields
-- The same for ids that take part in joins.
insert into joined_fields as f (contact_id, field, value, occurred_at, event_key)
select distinct on (contact_id, field) contact_id, field, value, occurred_at, event_key
from rows from (unnest($1::bigint[]), unnest($2::text[]), unnest($3::text[]), unnest($4::timestamptz[]), unnest($5::bytea[]))
    as u(contact_id, field, value, occurred_at, event_key)
order by contact_id, field, occurred_at desc, event_key desc
on conflict (contact_id, field) do update
set value = excluded.value, occurred_at = excluded.occurred_at, event_key = excluded.event_key
where (excluded.occurred_at, excluded.event_key) > (f.occurred_at, f.event_key)

-- name: dead_letters
-- Stores records that are no events, whole; returns their ids in the given order.
insert into dead_letters (topic, partition, "offset", record_timestamp, key, value, headers, reason, detail,
                          account_key)
select topic, partition, "offset", record_timestamp, key, value, headers, reason, detail, account_key
from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bytea[], $6::bytea[], $7::bytea[], $8::text[],
            $9::text[], $10::text[])
    with ordinality as d(topic, partition, "offset", record_timestamp, key, value, headers, reason, detail,
                         account_key, ordinal)
order by ordinal
returning id

-- name: passed_horizon
-- The horizon that all accounts have passed: nothing that is dated before comes to a timeline. Null: some keep everything.
select case when bool_and(horizon is not null) then min(horizon) end from accounts

-- name: months
-- The months of the timeline that exist, as the names of their tables.
select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = 'timeline'::regclass
