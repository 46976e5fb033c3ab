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

-- name: take_held
-- Takes lanes over as long as the caller holds their slices: a higher epoch fences whoever read them before.
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
returning l.*

-- name: register_new
-- Writes down lanes never seen. Of topics never seen all at once, where they are told to start; those added to a
-- topic begin where its log does.
insert into lanes (topic, partition, next_offset)
select a.topic, a.partition,
    case when exists (select from lanes k where k.topic = a.topic) then a.first else a.start end
from unnest($1::text[], $2::int[], $3::bigint[], $4::bigint[]) as a(topic, partition, first, start)
order by a.topic, a.partition
on conflict do nothing

-- name: read_slices
-- The lanes of some slices, of the topics that are consumed.
select * from lanes where partition = any($1::int[]) and topic = any($2::text[])

-- name: list
-- Every lane there is.
select * from lanes order by topic, partition

-- name: pause
-- Lets a lane stand still because somebody wants it to; tells why it stood still before, if it did.
with before as (
    select topic, partition, stopped from lanes where topic = $1 and partition = $2 for no key update
)
update lanes l set stopped = coalesce(b.stopped, 'paused')
from before b
where l.topic = b.topic and l.partition = b.partition
returning b.stopped

-- name: resume
-- Lets a lane go on that stood still for one of these reasons, its dead records counted anew; tells for which.
with before as (
    select topic, partition, stopped, stopped = any($3::text[]) is true as goes_on
    from lanes where topic = $1 and partition = $2
    for no key update
)
update lanes l
set stopped = case when b.goes_on then null else b.stopped end,
    seen = case when b.goes_on then 0 else l.seen end,
    recent_dead = case when b.goes_on then '[]' else l.recent_dead end
from before b
where l.topic = b.topic and l.partition = b.partition
returning b.stopped

-- name: seek
-- Puts a lane elsewhere in its log, nothing being known of the record before; a higher epoch fences its reader.
-- A lane whose log did not fit goes on. Tells how it stood before; nothing where the epoch is another by now.
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
