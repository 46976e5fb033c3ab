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

-- name: forget_dead_letters
-- Deletes those recorded longer ago than $3 among the next $2 dead letters after the number $1; returns how many, and
-- the highest number of those past their time: null if there is none, and none after it then, as numbers are given in
-- order of time. One that is locked is being replayed or discarded.
with next as (
    select id, recorded_at < now() - $3::interval as is_past from dead_letters where id > $1 order by id limit $2
), locked as (
    select id from dead_letters where id in (select id from next where is_past) for update skip locked
), deleted as (
    delete from dead_letters where id in (select id from locked) returning id
)
select (select count(*) from deleted) as deleted, (select max(id) from next where is_past) as last

-- name: ignored_events_pages
-- Size of the table of events that reached no timeline in pages.
select pg_relation_size('ignored_events') / current_setting('block_size')::bigint

-- name: forget_ignored_events
-- Deletes those on the pages from $1 to before $2 that came longer ago than $3.
delete from ignored_events where ctid >= $1::tid and ctid < $2::tid and received_at < now() - $3::interval

-- name: forget_console_sessions
-- Deletes up to $1 sessions of the console that have expired (console_sessions_by_expiry).
delete from console_sessions where hash in (select hash from console_sessions where expires_at <= now() order by expires_at limit $1)

-- name: samples_pages
-- Size of the inbox in pages.
select pg_relation_size('inbox') / current_setting('block_size')::bigint

-- name: forget_samples
-- Takes away the samples on the pages from $1 to before $2 that were taken longer ago than $3. When one was taken is
-- not stored, but no sample was taken before its type was first seen, nor (but for an hour) before its event is dated.
-- Only what comes before `data`, the last member, is read: data may have what jsonb refuses. ('{}': was taken away.)
-- A locked row is being counted.
with past as (
    select account_id, type from inbox
    where ctid >= $1::tid and ctid < $2::tid and first_seen_at < now() - $3::interval
        and ((split_part(nullif(sample, '{}'), ',"data":', 1) || '}')::jsonb ->> 'time')::timestamptz
            < now() - $3::interval
    for update skip locked
)
update inbox set sample = '{}' from past where inbox.account_id = past.account_id and inbox.type = past.type
