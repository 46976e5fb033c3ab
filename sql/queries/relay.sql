-- name: state
-- Head and floor of a shard, and the incarnation.
select h.head, f.floor, i.incarnation
from outbox_heads h join relay_floors f using (shard) cross join installation i
where h.shard = $1

-- name: raise_floor
-- Raises a shard's floor to a published position. Changes nothing where the database has lost commits: then head, floor ($3)
-- or incarnation ($4) are not where the relay knows them to be.
update relay_floors f set floor = $2::bigint
from outbox_heads h, installation i
where f.shard = $1 and h.shard = $1 and h.head >= $2::bigint and i.incarnation = $4::int
    and f.floor >= $3::bigint and f.floor < $2::bigint
returning f.floor

-- name: trim
-- Of the oldest $2 rows of a shard deletes those that are published entirely, also to webhooks if there are any, and were
-- committed more than $3 seconds ago or lie more than $4 messages before the floor.
with oldest as (
    select first_position, first_position + cardinality(kinds) - 1 as last_position, committed_at
    from outbox
    where shard = $1
    order by first_position
    limit $2
)
delete from outbox o
using oldest, relay_floors f
where o.shard = $1 and o.first_position = oldest.first_position and f.shard = $1 and oldest.last_position <= f.floor
    and oldest.last_position <= coalesce(
        (select position from webhook_positions where shard = $1 and exists (select from webhooks where active)), f.floor)
    and (oldest.committed_at < clock_timestamp() - make_interval(secs => $3)
         or oldest.last_position <= f.floor - $4::bigint)

-- name: due
-- The next $3 messages of a shard after a published position, by row of the outbox, with head, floor and incarnation; one
-- row without messages if there are none. first_position is the first one returned of a row, last_position the row's
-- last one. now: by the clock that committed_at was read from.
select h.head, f.floor, i.incarnation, greatest(o.first_position, $2::bigint + 1) as first_position,
    o.first_position + cardinality(o.kinds) - 1 as last_position,
    o.kinds[$2::bigint + 2 - o.first_position : $2::bigint + $3::int + 1 - o.first_position]::text[] as kinds,
    o.facts[$2::bigint + 2 - o.first_position : $2::bigint + $3::int + 1 - o.first_position] as facts,
    o.groups, o.committed_at, clock_timestamp() as now
from outbox_heads h
join relay_floors f using (shard)
cross join installation i
left join lateral (
    select first_position, kinds, facts, groups, committed_at from outbox o
    where o.shard = h.shard
        and o.first_position >= coalesce((select max(first_position) from outbox
                                          where shard = h.shard and first_position <= $2::bigint + 1), 0)
        and o.first_position <= $2::bigint + $3::int
        and o.first_position + cardinality(o.kinds) > $2::bigint + 1
) o on true
where h.shard = $1
order by o.first_position

-- name: dead_letters
-- The dead letters to publish, whole.
select id, topic, partition, "offset", key, value, headers, reason, detail from dead_letters
where id = any($1::bigint[])

-- name: raise_incarnation
-- Begins the incarnation after the one under which lost messages were published; changes nothing if it has begun.
update installation set incarnation = $1::int + 1 where incarnation <= $1::int

-- name: message_at
-- The facts of the message at a position.
select facts[$2::bigint - first_position + 1] from outbox
where shard = $1 and first_position <= $2::bigint and first_position + cardinality(kinds) > $2::bigint

-- name: backlog
-- The number of unpublished messages, and the age of the oldest row with any in seconds.
select
    (select coalesce(sum(h.head - f.floor), 0) from outbox_heads h join relay_floors f using (shard))::bigint
        as messages,
    (select coalesce(extract(epoch from clock_timestamp() - min(o.committed_at)), 0)
     from outbox_heads h
     join relay_floors f using (shard)
     cross join lateral (
         select committed_at from outbox
         where shard = f.shard
             and first_position >= coalesce((select max(first_position) from outbox
                                             where shard = f.shard and first_position <= f.floor + 1), 0)
         order by first_position
         limit 1) o
     where f.floor < h.head)::float8 as oldest_seconds
