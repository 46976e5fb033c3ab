-- What all background jobs have in common (docs/decisions/0025). {table}: where the jobs of a kind are kept. {facts}: the
-- kind's own statement. Contacts are counted up to -1 until batches in flight at the beginning of a state have ended, which
-- may be creating some: only then is it known which is the last contact to process (docs/decisions/0026).

-- name: lock
-- Locks a job that has not ended until the transaction ends; no row if another process has it, or it has ended.
select id, last_contact_id, case when counted_contact_id >= 0 then until_contact_id end as until_contact_id,
    greatest(counted_contact_id, 0) as counted_contact_id, contacts_total is not null as is_counted
from {table}
where id = $1 and ended_at is null
for no key update skip locked

-- name: fix_end
-- Takes the contacts that there are now as those to process in this state, and returns the number of the last.
update {table}
set until_contact_id = (select coalesce(max(id), 0) from contacts), counted_contact_id = 0, contacts_counted = 0
where id = $1
returning until_contact_id

-- name: facts
-- What a step needs of a locked job ($1), read after the lock. Reserves its account for this transaction: has_turn is false
-- if another process is at work on a job of the account. $2: the first key of that lock.
select f.*, pg_try_advisory_xact_lock($2::int, f.account_id) as has_turn
from (
{facts}
offset 0) f

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
