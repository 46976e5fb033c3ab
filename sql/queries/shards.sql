-- name: renew
-- Tells that this relay is alive, renews its leases, and returns them with the numbers of shards and of relays.
with alive as (
    insert into relays (owner, expires_at) values ($1, clock_timestamp() + make_interval(secs => $2))
    on conflict (owner) do update set expires_at = excluded.expires_at
), forgotten as (
    delete from relays where expires_at < clock_timestamp() - interval '1 hour' and owner <> $1
), renewed as (
    update shard_leases set expires_at = clock_timestamp() + make_interval(secs => $2)
    where owner = $1 and expires_at > clock_timestamp()
    returning shard
)
select (select coalesce(array_agg(shard), '{}') from renewed) as held,
    (select count(*) from shard_leases) as shards,
    (select count(*) from relays where owner <> $1 and expires_at > clock_timestamp()) + 1 as relays

-- name: claim
-- Claims up to $3 shards that are free or whose lease has run out.
update shard_leases set owner = $1, expires_at = clock_timestamp() + make_interval(secs => $2)
where shard in (
    select shard from shard_leases where expires_at < clock_timestamp()
    order by shard limit $3 for update skip locked)
returning shard

-- name: confirm
-- Whether a shard is leased to this relay.
select exists (select from shard_leases where owner = $1 and shard = $2 and expires_at > clock_timestamp())

-- name: release
-- Gives shards back.
update shard_leases set expires_at = '-infinity' where owner = $1 and shard = any($2::smallint[])

-- name: leave
-- Gives everything back and forgets this relay.
with released as (
    update shard_leases set expires_at = '-infinity' where owner = $1
)
delete from relays where owner = $1
