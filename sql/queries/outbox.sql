-- Enqueueing messages, and reading them beside the relay.

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

-- name: messages
-- The messages of these accounts ($3) and kinds ($5) in the next $4 rows of a shard ($1) after a position ($2), by row of the
-- outbox. The first position of the first row is not the one after $2, if rows before it have gone. Facts of a newer format
-- have no account that this program can read: has_newer.
select o.first_position, o.first_position + cardinality(o.kinds) - 1 as last_position, o.committed_at, o.groups,
    m.has_newer, m.positions, m.kinds, m.facts
from (
    select first_position, kinds, facts, groups, committed_at from outbox
    where shard = $1
        and first_position >= coalesce((select max(first_position) from outbox
                                        where shard = $1 and first_position <= $2::bigint + 1), 0)
    order by first_position
    limit $4) o
cross join lateral (
    select bool_or(one.is_newer) as has_newer,
        array_agg(o.first_position + one.place - 1 order by one.place) filter (where one.is_wanted) as positions,
        array_agg(one.kind order by one.place) filter (where one.is_wanted) as kinds,
        array_agg(one.facts order by one.place) filter (where one.is_wanted) as facts
    from (
        select u.place, u.kind::text as kind, u.facts, f.format > 2 as is_newer,
            f.format <= 2 and u.kind::text = any($5::text[]) and split_part(u.facts, E'\x1f', f.format) = any($3::text[])
                and o.first_position + u.place - 1 > $2::bigint as is_wanted
        from unnest(o.kinds, o.facts) with ordinality as u(kind, facts, place)
        cross join lateral ( -- format 2 has its number before the account
            select case when u.facts not like E'\x1c%' then 1 when u.facts like E'\x1c2\x1f%' then 2 else 3 end as format) f) one) m
where o.first_position + cardinality(o.kinds) - 1 > $2::bigint
order by o.first_position
