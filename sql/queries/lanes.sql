-- name: read
-- The rows of these lanes.
select l.topic, l.partition, l.epoch, l.next_offset, l.last_timestamp, l.last_checksum, l.stopped, l.seen, l.recent_dead
from lanes l
join unnest($1::text[], $2::int[]) as a(topic, partition) using (topic, partition)

-- name: stop
-- Stops a lane, if the caller still holds it.
update lanes set stopped = $4 where topic = $1 and partition = $2 and epoch = $3 and stopped is null

-- name: take_held
-- Takes lanes, if the caller still holds their slices: a higher epoch fences the previous holder.
with held as materialized (
    select s.number
    from slices s join unnest($1::int[], $2::bigint[]) as a(number, epoch) using (number)
    where s.epoch = a.epoch and s.worker_id = $3
    order by s.number
    for share of s
), wanted as materialized (
    select l.topic, l.partition
    from lanes l
    join unnest($4::text[], $5::int[]) as a(topic, partition) using (topic, partition)
    join held h on h.number = l.partition
    order by l.topic, l.partition
    for no key update of l
)
update lanes l set epoch = l.epoch + 1
from wanted w where l.topic = w.topic and l.partition = w.partition
returning l.topic, l.partition, l.epoch, l.next_offset, l.last_timestamp, l.last_checksum, l.stopped, l.seen, l.recent_dead

-- name: register_new
-- Inserts lanes that have no row. Those of a new topic start at the given offset; partitions added to a known topic
-- start at the beginning of their logs.
insert into lanes (topic, partition, next_offset)
select a.topic, a.partition,
    case when exists (select from lanes k where k.topic = a.topic) then a.first else a.start end
from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[]) as a(topic, partition, first, start)
order by a.topic, a.partition
on conflict do nothing

-- name: read_slices
-- The lanes of these slices, of the consumed topics.
select topic, partition, epoch, next_offset, last_timestamp, last_checksum, stopped, seen, recent_dead
from lanes where partition = any($1::int[]) and topic = any($2::text[])

-- name: list
-- All lanes.
select topic, partition, epoch, next_offset, last_timestamp, last_checksum, stopped, seen, recent_dead
from lanes order by topic, partition

-- name: pause
-- Pauses a lane; returns why it was stopped before, if it was.
with before as (
    select topic, partition, stopped from lanes where topic = $1 and partition = $2 for no key update
)
update lanes l set stopped = coalesce(b.stopped, 'paused')
from before b
where l.topic = b.topic and l.partition = b.partition
returning b.stopped

-- name: resume
-- Resumes a lane that is stopped for one of these reasons, and restarts its count of dead records. Returns why it was
-- stopped.
with before as (
    select topic, partition, stopped, stopped = any($3::text[]) is true as resumes
    from lanes where topic = $1 and partition = $2
    for no key update
)
update lanes l
set stopped = case when b.resumes then null else b.stopped end,
    seen = case when b.resumes then 0 else l.seen end,
    recent_dead = case when b.resumes then '[]' else l.recent_dead end
from before b
where l.topic = b.topic and l.partition = b.partition
returning b.stopped

-- name: seek
-- Moves a lane to an offset and forgets the record before it; a higher epoch fences its reader. Resumes a lane that was
-- stopped because its log did not match. Returns its old offset and stop reason; no row if the epoch has changed.
with before as (
    select topic, partition, next_offset, stopped
    from lanes where topic = $1 and partition = $2 and epoch = $3
    for no key update
)
update lanes l
set epoch = l.epoch + 1, next_offset = $4, last_timestamp = null, last_checksum = null, seen = 0,
    recent_dead = '[]',
    stopped = case when b.stopped not in ('log_truncated', 'topic_recreated') then b.stopped end
from before b
where l.topic = b.topic and l.partition = b.partition
returning b.next_offset, b.stopped
