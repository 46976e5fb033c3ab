-- name: lock
-- Takes the relay's lock for this session, or tells that it holds it already.
select exists (
    select from pg_locks
    where locktype = 'advisory' and pid = pg_backend_pid() and granted
        and ((classid::bigint << 32) | objid::bigint) = $1 and objsubid = 1
) or pg_try_advisory_lock($1)

-- name: due
-- The oldest rows of the outbox that are not known to be published.
select o.shard, o.first_position, o.kinds::text[], o.keys, o.payloads, o.committed_at
from outbox o join relay_floors f using (shard)
where o.first_position > f.floor
order by o.shard, o.first_position
limit $1

-- name: dead_letters
-- The dead letters to be told of, whole.
select id, topic, partition, "offset", key, value, headers, reason, detail from dead_letters
where id = any($1::bigint[])

-- name: published
-- Raises the floors behind rows that Kafka has acknowledged, and removes them.
with gone as (
    delete from outbox o
    using unnest($1::smallint[], $2::bigint[]) as p(shard, first_position)
    where o.shard = p.shard and o.first_position = p.first_position
    returning o.shard, o.first_position + cardinality(o.kinds) - 1 as last_position
)
update relay_floors f
set floor = greatest(f.floor, g.last_position)
from (select shard, max(last_position) as last_position from gone group by shard) g
where f.shard = g.shard

-- name: backlog
-- How much waits to be published, and since when.
select
    (select coalesce(sum(h.head - f.floor), 0) from outbox_heads h join relay_floors f using (shard))::bigint
        as messages,
    (select coalesce(extract(epoch from clock_timestamp() - min(committed_at)), 0) from outbox)::float8
        as oldest_seconds
