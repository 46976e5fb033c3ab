-- name: renew
-- The heartbeat of a relay. Returns the shards that it holds, the number of shards, and the relays that are alive,
-- itself included. One whose heartbeat is late ($3 seconds or less of its lease are left) must still be connected; a
-- killed process is not.
with renewed as (
    insert into relays (owner, backend, expires_at)
    values ($1, pg_backend_pid(), clock_timestamp() + make_interval(secs => $2))
    on conflict (owner) do update set backend = excluded.backend, expires_at = excluded.expires_at
), expired as (
    delete from relays where expires_at < clock_timestamp() - interval '1 hour' and owner <> $1
)
select (select coalesce(array_agg(shard), '{}') from shard_leases where owner = $1) as held,
    (select count(*) from shard_leases) as shards,
    (select array_append(array_agg(owner), $1::text) from relays
     where owner <> $1
         and case
             when expires_at <= clock_timestamp() then false
             when expires_at > clock_timestamp() + make_interval(secs => $3) then true
             else exists (select from pg_stat_get_activity(backend))
         end) as alive

-- name: claim
-- Claims up to $3 shards that are free or held by a relay that is not alive.
update shard_leases set owner = $1
where shard in (
    select shard from shard_leases
    where (owner = any($2::text[])) is not true
    order by shard limit $3 for update skip locked)
returning shard

-- name: confirm
-- Whether a shard is leased to this relay.
select exists (select from shard_leases where owner = $1 and shard = $2)

-- name: release
-- Releases shards.
update shard_leases set owner = null where owner = $1 and shard = any($2::smallint[])

-- name: leave
-- Deregisters a relay and frees its shards.
with released as (
    update shard_leases set owner = null where owner = $1
)
delete from relays where owner = $1

-- name: shards
-- The number of shards.
select shards from installation

-- name: is_drained
-- Whether every message of the outbox is known to be published.
select not exists (select from outbox_heads join relay_floors using (shard) where head <> floor)

-- name: change_shards
-- Sets the number of shards ($1). A shard keeps head and floor while it is out of use, since Kafka keeps its position.
with changed as (
    update installation set shards = $1
), heads as (
    insert into outbox_heads (shard) select generate_series(0, $1 - 1) on conflict do nothing
), floors as (
    insert into relay_floors (shard) select generate_series(0, $1 - 1) on conflict do nothing
), leases as (
    insert into shard_leases (shard) select generate_series(0, $1 - 1) on conflict do nothing
)
delete from shard_leases where shard >= $1
