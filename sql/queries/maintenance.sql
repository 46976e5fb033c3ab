-- name: lock
-- Takes upkeep's lock for this session, or tells that it holds it already.
select exists (
    select from pg_locks
    where locktype = 'advisory' and pid = pg_backend_pid() and granted
        and ((classid::bigint << 32) | objid::bigint) = $1 and objsubid = 1
) or pg_try_advisory_lock($1)

-- name: claims_pages
-- How long the table of claims is, in pages.
select pg_relation_size('claims') / current_setting('block_size')::bigint

-- name: forget_claims
-- Removes the claims past their window on the pages from $1 to before $2. By place instead of an index: claims
-- are written in the order of time and each walk reads every page once, so ingest pays for no second index.
delete from claims where ctid >= $1::tid and ctid < $2::tid and applied_at < now() - $3::interval
