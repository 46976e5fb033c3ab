-- Backfills that were requested over HTTP (docs/decisions/0030).

-- name: begin
-- Begins a backfill of an account and returns its number. since and types: of one that reads the topics.
insert into backfills (account_id, with_xp, requested_by, since, types, lanes, events_total)
values ($1, $2, $3, $4, $5, case when $4::timestamptz is null then '[]'::jsonb end, $6)
returning id

-- name: add_batches
-- Adds batches of events to a backfill, after those that it has.
insert into backfill_batches (backfill_id, number, events)
select $1, coalesce((select max(number) from backfill_batches where backfill_id = $1), 0) + one.place, one.events
from unnest($2::bytea[]) with ordinality one (events, place)

-- name: unfinished
-- Whether so many backfills of an account ($2) have not ended (backfills_unfinished).
select count(*) >= $2 from (select from backfills where account_id = $1 and ended_at is null limit $2) one

-- name: due
-- Of each account the first backfill that has not ended, unless it has failed a moment ago (backfills_unfinished).
select distinct on (account_id) id, account_id
from backfills
where ended_at is null and (retry_at is null or retry_at <= now())
order by account_id, id

-- name: facts
-- What a step needs of a backfill that has not ended.
select b.id, a.key as account, b.with_xp, b.since, b.types, b.lanes::text as lanes,
    (select min(number) from backfill_batches where backfill_id = b.id) as batch
from backfills b
join accounts a on a.id = b.account_id
where b.id = $1 and b.ended_at is null

-- name: batch
-- The events of a batch.
select events from backfill_batches where backfill_id = $1 and number = $2

-- name: lock
-- Locks a backfill; no row if another process has it, it has ended, or a batch of it no longer has just these events ($3).
-- The batch is locked too: otherwise it would be seen as of before another process, which has it no more, has applied it.
select b.id
from backfills b
join backfill_batches p on p.backfill_id = b.id and p.number = $2
where p.events = $3 and b.id = $1 and b.ended_at is null
for no key update of b, p skip locked

-- name: record
-- Records that the first events ($3) of a batch are applied, and what is left of it ($4: null if nothing is).
with left_over as (
    update backfill_batches set events = $4 where backfill_id = $1 and number = $2 and $4::bytea is not null
), applied as (
    delete from backfill_batches where backfill_id = $1 and number = $2 and $4::bytea is null
)
update backfills set events_done = events_done + $3, failures = 0, retry_at = null, error = null where id = $1

-- name: count_outcomes
-- Counts outcomes ($2) with their types ($3).
insert into backfill_outcomes (backfill_id, outcome, type, count)
select $1, one.outcome, one.type, one.count
from unnest($2::text[], $3::text[], $4::bigint[]) one (outcome, type, count)
on conflict (backfill_id, outcome, type) do update set count = backfill_outcomes.count + excluded.count

-- name: lock_reading
-- Locks a backfill whose lanes are as the caller knows them ($2); no row if another process has it or has read on.
select id from backfills where id = $1 and ended_at is null and lanes is not distinct from $2::jsonb
for no key update skip locked

-- name: begin_reading
-- Records what is to be read of the topics.
update backfills set lanes = $2::jsonb, records_total = $3, reaches_back = $4 where id = $1

-- name: record_reading
-- Records what is left to be read, so many records that were passed ($3), and events that were found ($4).
update backfills
set lanes = $2::jsonb, records_read = records_read + $3, events_total = events_total + $4, failures = 0, retry_at = null,
    error = null
where id = $1

-- name: finish
-- Ends a backfill in a state, unless it has ended; what is left of it is not applied.
with ended as (
    update backfills set state = $2::text::backfill_state, ended_at = now() where id = $1 and ended_at is null returning id
), left_over as (
    delete from backfill_batches where backfill_id in (select id from ended)
)
select id from ended

-- name: page
-- Backfills of an account before $2, newest first (backfills_by_account).
select id, state::text as state, with_xp as xp, requested_by, requested_at, ended_at, since, types, reaches_back,
    records_read, records_total, events_done, events_total, error
from backfills
where account_id = $1 and id < $2
order by id desc
limit $3

-- name: outcomes
-- What became of the events of some backfills.
select backfill_id, outcome, type, count from backfill_outcomes where backfill_id = any($1::bigint[]) order by count desc
