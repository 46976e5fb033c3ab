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

-- name: get_dead_letter
-- One dead letter whole.
select id, recorded_at, topic, partition, "offset", record_timestamp, key, value, headers, reason, detail,
       account_key
from dead_letters
where id = $1
