-- name: state
-- Head and floor of a shard, and the incarnation.
select h.head, f.floor, i.incarnation
from outbox_heads h join relay_floors f using (shard) cross join installation i
where h.shard = $1

-- name: due
-- The rows of a shard's outbox that have messages after a position, with head, floor and incarnation of the same
-- snapshot; one row without messages if there are none.
select h.head, f.floor, i.incarnation, o.first_position, o.kinds::text[] as kinds, o.facts, o.groups,
    o.committed_at
from outbox_heads h
join relay_floors f using (shard)
cross join installation i
left join lateral (
    select * from outbox o
    where o.shard = h.shard
        and o.first_position >= coalesce((select max(first_position) from outbox
                                          where shard = h.shard and first_position <= $2::bigint + 1), 0)
        and o.first_position + cardinality(o.kinds) > $2::bigint + 1
    order by o.first_position
    limit $3
) o on true
where h.shard = $1
order by o.first_position

-- name: dead_letters
-- The dead letters to publish, whole.
select id, topic, partition, "offset", key, value, headers, reason, detail from dead_letters
where id = any($1::bigint[])

-- name: raise_floor
-- Raises a shard's floor to a published position, and deletes the rows that are published entirely.
with published as (
    delete from outbox
    where shard = $1 and first_position <= $2 and first_position + cardinality(kinds) - 1 <= $2
)
update relay_floors set floor = greatest(floor, $2) where shard = $1

-- name: raise_incarnation
-- Begins the incarnation after the one under which lost messages were published; changes nothing if it has begun.
update installation set incarnation = $1::int + 1 where incarnation <= $1::int

-- name: message_at
-- The facts of the message at a position.
select facts[$2::bigint - first_position + 1] from outbox
where shard = $1 and first_position <= $2::bigint and first_position + cardinality(kinds) > $2::bigint

-- name: backlog
-- The number of unpublished messages, and the age of the oldest row in seconds.
select
    (select coalesce(sum(h.head - f.floor), 0) from outbox_heads h join relay_floors f using (shard))::bigint
        as messages,
    (select coalesce(extract(epoch from clock_timestamp() - min(committed_at)), 0) from outbox)::float8
        as oldest_seconds
