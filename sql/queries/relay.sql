-- name: state
-- Where a shard stands in the database.
select h.head, f.floor, i.incarnation
from outbox_heads h join relay_floors f using (shard) cross join installation i
where h.shard = $1

-- name: due
-- The rows of a shard's outbox that hold anything behind a position, with the head as of the same moment; one row
-- without messages where there are none.
select h.head, f.floor, i.incarnation, o.first_position, o.kinds::text[] as kinds, o.keys, o.payloads, o.committed_at
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
-- The dead letters to be told of, whole.
select id, topic, partition, "offset", key, value, headers, reason, detail from dead_letters
where id = any($1::bigint[])

-- name: raise_floor
-- Raises a shard's floor to what is published, and removes the rows of which nothing is left.
with gone as (
    delete from outbox
    where shard = $1 and first_position <= $2 and first_position + cardinality(kinds) - 1 <= $2
)
update relay_floors set floor = greatest(floor, $2) where shard = $1

-- name: raise_incarnation
-- Begins the next incarnation, above the one under which what was lost was published; nothing where it has begun.
update installation set incarnation = $1::int + 1 where incarnation <= $1::int returning incarnation

-- name: rename
-- Lets what waits in the outbox go out under the new incarnation, which its id begins with.
update outbox
set payloads = array(
    select regexp_replace(payload, '("id" ?: ?")\d+:', '\1' || incarnation || ':')
    from unnest(payloads) with ordinality as p(payload, place) order by place)
from installation

-- name: message_at
-- The message at a position, as it stands in the outbox.
select payloads[$2::bigint - first_position + 1] from outbox
where shard = $1 and first_position <= $2::bigint and first_position + cardinality(kinds) > $2::bigint

-- name: backlog
-- How much waits to be published, and since when.
select
    (select coalesce(sum(h.head - f.floor), 0) from outbox_heads h join relay_floors f using (shard))::bigint
        as messages,
    (select coalesce(extract(epoch from clock_timestamp() - min(committed_at)), 0) from outbox)::float8
        as oldest_seconds
