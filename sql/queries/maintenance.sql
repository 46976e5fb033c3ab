-- name: lock
-- Tries to take a job's lock for this session; true also if the session holds it already.
select exists (
    select from pg_locks
    where locktype = 'advisory' and pid = pg_backend_pid() and granted
        and ((classid::bigint << 32) | objid::bigint) = $1 and objsubid = 1
) or pg_try_advisory_lock($1)

-- name: claims_pages
-- Size of the table of claims in pages.
select pg_relation_size('claims') / current_setting('block_size')::bigint

-- name: forget_claims
-- Deletes the claims past their window on the pages from $1 to before $2. By page instead of by index: claims are
-- written in order of time and a round reads each page once, so ingest need not maintain a second index.
delete from claims where ctid >= $1::tid and ctid < $2::tid and applied_at < now() - $3::interval
