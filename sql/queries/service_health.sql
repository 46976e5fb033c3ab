-- What operators see of the whole service. Tables of some rows each: no index would be used.

-- name: workers
-- The workers that are alive, as slice_leases.sql has them ($1), with the number of slices that each holds, and the name under
-- which its program has connected, which ends with its version; null: this role may not see it.
select w.id, w.name, cardinality(w.pipelines) as pipelines, a.application_name as program,
    (select count(*) from slices s where s.worker_id = w.id) as slices
from workers w
left join lateral pg_stat_get_activity(w.backend) a on true
where case
    when w.expires_at <= clock_timestamp() then false
    when w.expires_at > clock_timestamp() + make_interval(secs => $1) then true
    else a.pid is not null
end
order by w.name, w.id

-- name: relays
-- The relays that are alive, as shard_leases.sql has them ($1), with the number of shards of the outbox that each publishes.
select r.owner as name, (select count(*) from shard_leases s where s.owner = r.owner) as shards
from relays r
where case
    when r.expires_at <= clock_timestamp() then false
    when r.expires_at > clock_timestamp() + make_interval(secs => $1) then true
    else exists (select from pg_stat_get_activity(r.backend))
end
order by r.owner

-- name: shards
-- The number of shards of the outbox.
select count(*) from shard_leases
