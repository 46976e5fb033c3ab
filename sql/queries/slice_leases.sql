-- name: register
-- Registers a worker; deletes those whose lease ran out more than an hour ago.
with expired as (
    delete from workers where expires_at < clock_timestamp() - interval '1 hour'
)
insert into workers (name, pipelines, backend, expires_at)
values ($1, $2::smallint[], pg_backend_pid(), clock_timestamp() + make_interval(secs => $3))
returning id

-- name: renew
-- The heartbeat; no row if the worker's row was deleted.
update workers
set pipelines = $2::smallint[], backend = pg_backend_pid(),
    expires_at = clock_timestamp() + make_interval(secs => $3)
where id = $1
returning id

-- name: workers
-- The workers that are alive: their lease has not run out. One whose heartbeat is late ($1 seconds or less of its lease
-- are left) must still be connected; a killed process is not.
select id, name, pipelines
from workers
where case
    when expires_at <= clock_timestamp() then false
    when expires_at > clock_timestamp() + make_interval(secs => $1) then true
    else exists (select from pg_stat_get_activity(backend))
end

-- name: create_slices
-- Creates the slices that lanes lack.
insert into slices (number)
select distinct partition from lanes l
where not exists (select from slices s where s.number = l.partition)
order by partition
on conflict do nothing

-- name: slices
-- All slices with their holders, dead or alive.
select number, epoch, worker_id, pipeline,
    case when shunned_until > clock_timestamp() then given_up_by end as avoided_by
from slices order by number

-- name: claim
-- Claims slices whose epoch has not changed since it was read; skips locked rows.
with wanted as materialized (
    select s.number, a.pipeline
    from slices s join unnest($2::int[], $3::bigint[], $4::smallint[]) as a(number, epoch, pipeline) using (number)
    where s.epoch = a.epoch
    order by s.number
    for no key update of s skip locked
)
update slices s set epoch = s.epoch + 1, worker_id = $1, pipeline = w.pipeline
from wanted w where s.number = w.number
returning s.number, s.epoch, s.pipeline

-- name: release
-- Releases slices. $3 > 0: they cannot be read here, and other workers get them first for so many seconds.
update slices
set worker_id = null, pipeline = null,
    given_up_by = case when $3::float8 > 0 then $1 else given_up_by end,
    shunned_until = case when $3::float8 > 0 then clock_timestamp() + make_interval(secs => $3)
                         else shunned_until end
where worker_id = $1 and number = any($2::int[])

-- name: leave
-- Deregisters a worker and frees its slices.
with released as (
    update slices set worker_id = null, pipeline = null where worker_id = $1
)
delete from workers where id = $1
