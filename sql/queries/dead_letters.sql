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

-- name: get_dead_letters
-- Dead letters with their records.
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
-- How many of these exist, and the highest number.
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
-- The next of these, the same way.
select id, octet_length(headers) + coalesce(octet_length(key), 0) + coalesce(octet_length(value), 0) as bytes
from dead_letters
where id = any($1::bigint[]) and id > $2
order by id
limit $3

-- name: lock
-- Locks dead letters for a replay; a missing one was replayed or discarded by another process.
select id from dead_letters where id = any($1::bigint[]) order by id for update

-- name: discard
-- Deletes dead letters, locking them in the same order as a replay.
with discarded as (
    select id from dead_letters where id = any($1::bigint[]) order by id for update
)
delete from dead_letters where id in (select id from discarded) returning id
