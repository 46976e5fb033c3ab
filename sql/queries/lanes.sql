-- name: take
-- Takes lanes over: a higher epoch fences whoever held them; those never seen begin where they are told to.
insert into lanes as l (topic, partition, epoch, next_offset)
select topic, partition, 1, start
from unnest($1::text[], $2::int[], $3::bigint[]) as a(topic, partition, start)
order by topic, partition
on conflict (topic, partition) do update set epoch = l.epoch + 1
returning *

-- name: read
-- Lanes as they stand.
select l.* from lanes l
join unnest($1::text[], $2::int[]) as a(topic, partition) using (topic, partition)

-- name: stop
-- Lets a lane stand still, as long as the caller holds it.
update lanes set stopped = $4 where topic = $1 and partition = $2 and epoch = $3 and stopped is null

-- name: known_topics
-- Topics of which any lane was seen before: partitions added to them since begin at 0.
select distinct topic from lanes
