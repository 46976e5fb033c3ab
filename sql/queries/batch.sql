-- Statements of a batch's transaction but the last, which is apply.sql.

-- name: pin_plans
-- For transactions that run apply.sql. Plans are made once, for the tables of that time (docs/decisions/0002): an empty table is
-- then read by a sequential scan, and a batch is expected to have few rows. So these are ruled out: sequential scans, and
-- nested loops other than those that `lateral` asks for.
set local enable_seqscan = off; set local enable_nestloop = off

-- name: fence
-- Advances every lane of the batch by compare-and-set. If fewer advanced than were asked for, a
-- lane is held by another pipeline, stopped, or has been moved.
with asked as (
    select * from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[], $5::bigint[], $6::bigint[],
                         $7::bigint[], $8::bigint[], $9::jsonb[], $10::text[])
        as a(topic, partition, epoch, from_offset, to_offset, last_timestamp, last_checksum, seen, recent_dead,
             stopped)
), held as (
    select l.topic, l.partition
    from lanes l join asked a using (topic, partition)
    where l.epoch = a.epoch and l.next_offset = a.from_offset and l.stopped is null
    order by l.topic, l.partition
    for no key update of l
), moved as (
    update lanes l
    set next_offset = a.to_offset, last_timestamp = a.last_timestamp, last_checksum = a.last_checksum,
        seen = a.seen, recent_dead = a.recent_dead, stopped = a.stopped
    from held join asked a using (topic, partition)
    where l.topic = held.topic and l.partition = held.partition
    returning 1
)
select (select count(*) from moved) as moved, revision, incarnation from installation

-- name: claim
-- Claims the event keys that are new. Returns the events that are not applied; conflicting: the key was claimed with
-- other contents. Creates the contacts of the applied events, and those named in $8 to $10. Columns come as one text each
-- (consumer/infra/postgres/column_params.py). `offset 0` fences lookups: by key for each row, never a whole table,
-- whatever the planner estimates.
with batch as materialized (
    select b.ordinal, b.account_id, b.digest, b.subject, b.occurred_at, b.shard,
        substring($2::bytea from (b.ordinal::int - 1) * 16 + 1 for 16) as event_key,
        b.occurred_at < a.horizon is true as expired
    from (
        select *, timestamptz 'epoch' + occurred * interval '1 microsecond' as occurred_at
        from rows from (
            unnest($1::text::int[]), unnest($3::text::bigint[]), string_to_table($4::text, E'\x1f'),
            unnest($5::text::bigint[]), unnest($6::text::smallint[]))
            with ordinality as b(account_id, digest, subject, occurred, shard, ordinal)
    ) b
    join (
        select a.* from (select distinct unnest($1::text::int[]) as id) b
        cross join lateral (select id, horizon from accounts a where a.id = b.id offset 0) a
    ) a on a.id = b.account_id
), keyed as materialized ( -- of events with equal keys the first one that is not expired may claim
    select *,
        case when not first_value(expired) over equal then first_value(ordinal) over equal end as first_ordinal,
        case when not first_value(expired) over equal then first_value(digest) over equal end as first_digest
    from batch
    window equal as (partition by account_id, event_key order by expired, ordinal)
), claimed as (
    insert into claims (account_id, event_key, digest, applied_at)
    select account_id, event_key, digest, now() from keyed where ordinal = first_ordinal
    order by account_id, event_key
    on conflict do nothing
    returning account_id, event_key
), judged as materialized (
    select b.*,
        case
            when c.event_key is not null and b.ordinal = b.first_ordinal and t.contact_id is null then 'applied'
            when b.expired and b.first_ordinal is null and k.event_key is null and t.contact_id is null then 'expired'
            else 'duplicate'
        end as outcome,
        coalesce(k.digest, b.first_digest) is distinct from b.digest as differs
    from keyed b
    full join claimed c using (account_id, event_key) -- never a nested loop, whatever the planner estimates
    left join lateral ( -- only keys that were claimed before
        select * from claims k
        where c.event_key is null and k.account_id = b.account_id and k.event_key = b.event_key
        offset 0) k on true
    -- Keys older than the claims are looked up on the timeline; `exists` without `offset 0` would be a join that reads the
    -- account's part of the index for each event.
    left join lateral (
        select c.id as contact_id
        from contacts c
        where (b.expired or b.occurred_at < $7) and c.account_id = b.account_id and c.external_id = b.subject
            and exists (select from timeline t
                        where t.account_id = b.account_id and t.contact_id = c.id
                            and t.occurred_at = b.occurred_at and t.event_key = b.event_key
                        offset 0)
        offset 0) t on true
), seen as (
    select distinct on (account_id, subject) account_id, subject, shard
    from (
        select account_id, subject, shard from judged where outcome = 'applied'
        union all
        select * from unnest($8::int[], $9::text[], $10::smallint[])
    ) s
    order by account_id, subject, shard
), created as (
    insert into contacts (account_id, external_id, shard)
    select s.account_id, s.subject, s.shard
    from seen s
    left join lateral (
        select id from contacts c where c.account_id = s.account_id and c.external_id = s.subject offset 0) c on true
    where c.id is null
    order by s.account_id, s.subject
    on conflict do nothing
)
select ordinal, outcome, differs and outcome = 'duplicate' as conflicting from judged where outcome <> 'applied'

-- name: lock_contacts
-- Locks the contacts in the order of their numbers. Their scores, tallies and gates have to be read by later statements:
-- this one sees other tables as of before it waited. Returns number and shard of each event's contact, null for events
-- that are not applied, and the contacts that this transaction has created: arrays as text, to be passed on.
with asked as materialized (
    select a.ordinal, c.id
    from rows from (unnest($1::text::int[]), string_to_table($2::text, E'\x1f'))
        with ordinality as a(account_id, external_id, ordinal)
    left join unnest($3::bigint[]) as d(ordinal) using (ordinal)
    left join lateral (
        select id from contacts c
        where d.ordinal is null and c.account_id = a.account_id and c.external_id = a.external_id
        offset 0) c on true
), locked as materialized (
    select c.id, c.account_id, c.shard % (select shards from installation) as shard, c.xmin = pg_current_xact_id()::xid as created
    from contacts c
    where c.id = any (array(
        select id from asked where id is not null
        union all
        select c.id
        from unnest($4::int[], $5::text[]) as u(account_id, external_id)
        cross join lateral (
            select id from contacts c where c.account_id = u.account_id and c.external_id = u.external_id
            offset 0) c))
    order by c.id
    for no key update of c
)
select coalesce(array_agg(l.id order by a.ordinal), '{}')::text as numbers,
    coalesce(array_agg(l.shard order by a.ordinal), '{}')::text as shards,
    (select coalesce(array_agg(account_id order by id), '{}')::text from locked where created) as created_accounts,
    (select coalesce(array_agg(id order by id), '{}')::text from locked where created) as created
from asked a left join locked l using (id)

-- name: contact_fields
-- Stores the latest value of each field by time, then event key. The contacts exist.
insert into contact_fields as f (account_id, contact_id, field, value, occurred_at, event_key)
select distinct on (c.id, u.field) u.account_id, c.id, u.field, u.value, u.occurred_at, u.event_key
from unnest($1::int[], $2::text[], $3::text[], $4::text[], $5::timestamptz[], $6::bytea[])
    as u(account_id, external_id, field, value, occurred_at, event_key)
cross join lateral (
    select id from contacts c where c.account_id = u.account_id and c.external_id = u.external_id offset 0) c
order by c.id, u.field, u.occurred_at desc, u.event_key desc
on conflict (contact_id, field) do update
set value = excluded.value, occurred_at = excluded.occurred_at, event_key = excluded.event_key
where (excluded.occurred_at, excluded.event_key) > (f.occurred_at, f.event_key)

-- name: contact_merges
-- Stores merges as received.
insert into contact_merges (account_id, external_id, event_key, occurred_at, into_external_id)
select * from unnest($1::int[], $2::text[], $3::bytea[], $4::timestamptz[], $5::text[])
on conflict do nothing

-- name: contact_deletions
-- Stores deletions as received.
insert into contact_deletions (account_id, external_id, event_key, occurred_at)
select * from unnest($1::int[], $2::text[], $3::bytea[], $4::timestamptz[])
on conflict do nothing

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

-- name: months
-- The months of the timeline that exist, as the names of their tables.
select c.relname from pg_inherits i join pg_class c on c.oid = i.inhrelid
where i.inhparent = 'timeline'::regclass
