-- Reading dead letters: what people look at when something was not an event.

-- name: list_dead_letters
-- The newest dead letters first, of one account, reason or topic where these are given.
select id, recorded_at, topic, partition, "offset", reason, detail, account_key
from dead_letters
where ($1::text is null or account_key = $1)
  and ($2::text is null or reason = $2)
  and ($3::text is null or topic = $3)
order by id desc
limit $4

-- name: get_dead_letters
-- Dead letters whole.
select id, recorded_at, topic, partition, "offset", record_timestamp, key, value, headers, reason, detail,
       account_key
from dead_letters
where id = any($1::bigint[])
order by id

-- name: count_dead_letters
-- How many there are of one account, reason or topic, and the newest: those that come later are not meant.
select count(*) as count, coalesce(max(id), 0) as newest
from dead_letters
where ($1::text is null or account_key = $1)
  and ($2::text is null or reason = $2)
  and ($3::text is null or topic = $3)

-- name: count_ids
-- How many of these there are, and the highest number.
select count(*) as count, coalesce(max(id), 0) as newest from dead_letters where id = any($1::bigint[])

-- name: pick
-- The next ones in the order of their numbers, with what they weigh.
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
-- Locks dead letters for being fed again; one that is gone was fed or discarded by somebody else.
select id from dead_letters where id = any($1::bigint[]) order by id for update

-- name: revision
-- The configuration's revision, which does not move while the caller holds the revision lock.
select revision from installation

-- name: discard
-- Removes dead letters, in the order in which whoever feeds them again locks them.
with gone as (
    select id from dead_letters where id = any($1::bigint[]) order by id for update
)
delete from dead_letters where id in (select id from gone) returning id
