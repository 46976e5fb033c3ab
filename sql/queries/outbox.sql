-- Enqueueing messages.

-- name: enqueue
-- Enqueues messages of a shard ($1): kinds ($2) and facts ($3), in order, with the groups of these accounts ($4). Last of a
-- transaction's statements: it takes the head, and holds it to the commit, so that position order is commit order.
insert into outbox (shard, first_position, kinds, facts, groups, committed_at)
select $1::smallint, take_positions($1::smallint, cardinality($3::text[])), $2::text[]::message_kind[], $3::text[],
    (select coalesce(json_object_agg(a.key, g.groups), '{}')::text
     from unnest($4::int[]) as one(id)
     cross join lateral (select key from accounts a where a.id = one.id offset 0) a
     cross join lateral (select groups from groups_told g where g.account_id = one.id offset 0) g),
    clock_timestamp()

-- name: lock_heads
-- Locks the heads in order, before two statements of one transaction take positions.
select from outbox_heads order by shard for no key update
