-- Dead letters: listed, replayed and discarded.

-- name: list_dead_letters
-- Dead letters, newest first; of one account, reason or topic if given.
select id, recorded_at, topic, partition, "offset", reason, detail, account_key
from dead_letters
where ($1::text is null or account_key = $1)
  and ($2::text is null or reason = $2)
  and ($3::text is null or topic = $3)
order by id desc
limit $4

-- name: page
-- The next dead letters of an account ($1, by key) before $2, newest first (dead_letters_by_account): of at most $3 of them those
-- of a reason ($4), a topic ($5) and recorded since $6, if given, at most $7. One row at least: how many were gone
-- through, and the last of these.
with passed as (
    select id, recorded_at, topic, partition, "offset", reason, detail, account_key
    from dead_letters
    -- account_key = $1 and id < $2, written so that only that index can serve it.
    where account_key >= $1 and (account_key, id) < ($1, $2)
    order by account_key desc, id desc
    limit $3
)
select n.passed, n.last, l.id, l.recorded_at, l.topic, l.partition, l."offset", l.reason, l.detail, l.account_key
from (select count(*) as passed, min(id) as last from passed) n
left join lateral (
    select id, recorded_at, topic, partition, "offset", reason, detail, account_key
    from passed
    where ($4::text is null or reason = $4) and ($5::text is null or topic = $5)
        and ($6::timestamptz is null or recorded_at >= $6)
    order by id desc
    limit $7) l on true
order by l.id desc

-- name: page_of_none
-- The same of those whose account cannot be read ($1 is null) (dead_letters_by_account).
with passed as (
    select id, recorded_at, topic, partition, "offset", reason, detail, account_key
    from dead_letters
    where account_key is null and $1::text is null and id < $2
    order by account_key desc, id desc -- as the index has them
    limit $3
)
select n.passed, n.last, l.id, l.recorded_at, l.topic, l.partition, l."offset", l.reason, l.detail, l.account_key
from (select count(*) as passed, min(id) as last from passed) n
left join lateral (
    select id, recorded_at, topic, partition, "offset", reason, detail, account_key
    from passed
    where ($4::text is null or reason = $4) and ($5::text is null or topic = $5)
        and ($6::timestamptz is null or recorded_at >= $6)
    order by id desc
    limit $7) l on true
order by l.id desc

-- name: of_account
-- Which of these dead letters name an account ($2, by key; null: any account, or none) (dead_letters_pkey).
select id from dead_letters where id = any($1::bigint[]) and ($2::text is null or account_key = $2) order by id

-- name: get_dead_letters
-- Dead letters with their records (dead_letters_pkey).
select id, recorded_at, topic, partition, "offset", record_timestamp, key, value, headers, reason, detail,
       account_key
from dead_letters
where id = any($1::bigint[])
order by id

-- name: count_dead_letters
-- The number of dead letters of an account, reason or topic if given, and the newest: later ones are out of scope.
select count(*) as count, coalesce(max(id), 0) as newest
from dead_letters
where ($1::text is null or account_key = $1)
  and ($2::text is null or reason = $2)
  and ($3::text is null or topic = $3)

-- name: count_ids
-- How many of these exist, and the highest number (dead_letters_pkey).
select count(*) as count, coalesce(max(id), 0) as newest from dead_letters where id = any($1::bigint[])

-- name: pick
-- The next ones in the order of their numbers, with their sizes.
select id, octet_length(headers) + coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0) as bytes
from dead_letters
where ($1::text is null or account_key = $1)
  and ($2::text is null or reason = $2)
  and ($3::text is null or topic = $3)
  and id > $4 and id <= $5
order by id
limit $6

-- name: pick_ids
-- The next of these, the same way (dead_letters_pkey).
select id, octet_length(headers) + coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0) as bytes
from dead_letters
where id = any($1::bigint[]) and id > $2
order by id
limit $3

-- name: lock
-- Locks dead letters for a replay (dead_letters_pkey); a missing one was replayed or discarded by another process.
select id from dead_letters where id = any($1::bigint[]) order by id for update

-- name: discard
-- Deletes dead letters (dead_letters_pkey), locking them in the same order as a replay.
with discarded as (
    select id from dead_letters where id = any($1::bigint[]) order by id for update
)
delete from dead_letters where id in (select id from discarded) returning id
