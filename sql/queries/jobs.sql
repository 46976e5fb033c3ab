-- What all background jobs have in common (docs/decisions/0025). {table}: where the jobs of a kind are kept.

-- name: lock
-- Locks a job that has not ended until the transaction ends; no row if another process has it, or it has ended.
select id, last_contact_id, until_contact_id, counted_contact_id, contacts_total is not null as is_counted
from {table}
where id = $1 and ended_at is null
for no key update skip locked

-- name: lock_account
-- Reserves an account ($2) for this transaction; false if another process is at work on a job of it.
select pg_try_advisory_xact_lock($1, $2)

-- name: record_progress
-- Records that contacts up to $2 are processed, $3 of them by this step, and contacts up to $4 are counted, $5 of them by
-- this step; earlier failures are no more.
update {table}
set last_contact_id = $2, contacts_done = contacts_done + $3, counted_contact_id = $4,
    contacts_counted = contacts_counted + $5,
    contacts_total = case when contacts_total is null and $4 >= until_contact_id then contacts_counted + $5
                          else contacts_total end,
    failures = 0, retry_at = null, error = null
where id = $1

-- name: record_failure
-- Records that a step has failed, and why ($2): the next is due in 2, 4, 8, … seconds, at most five minutes.
update {table}
set failures = least(failures + 1, 1000), retry_at = now() + least(300, 2 ^ least(failures + 1, 9)) * interval '1 second',
    error = $2
where id = $1 and ended_at is null
