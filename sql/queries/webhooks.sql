-- Webhooks: enqueueing deliveries beside the outbox, sending them, and what the API asks (docs/decisions/0035).

-- name: begin_shards
-- Begins to follow shards that are new, from the messages that are enqueued from now on.
insert into webhook_positions (shard, position)
select h.shard, h.head from outbox_heads h where h.shard not in (select shard from webhook_positions)
on conflict do nothing

-- name: due_shards
-- Shards that have messages after the positions followed so far.
select p.shard from webhook_positions p join outbox_heads h using (shard) where h.head <> p.position order by p.shard

-- name: lock_shard
-- Locks the position of a shard until the transaction ends; no row if another process has it.
select position from webhook_positions where shard = $1 for no key update skip locked

-- name: listeners
-- What a message may be sent to, as of one moment: the head of a shard ($1), the incarnation, and the active webhooks. Messages
-- up to the head belong to these and no others. is_full: $2 messages wait for it.
select h.head, i.incarnation, w.id, a.key as account, w.types, w.created_at,
    coalesce(f.is_full, false) as is_full
from outbox_heads h
cross join installation i
left join (webhooks w join accounts a on a.id = w.account_id) on w.active
left join lateral (
    select count(*) >= $2 as is_full
    from (select from webhook_deliveries d where d.webhook_id = w.id and d.state = 'waiting' limit $2) one) f on w.id is not null
where h.shard = $1

-- name: move
-- Moves the position of a shard.
update webhook_positions set position = $2 where shard = $1

-- name: enqueue
-- Enqueues deliveries, in order; one that is enqueued already stays as it is. Nothing is sent about a contact that was erased
-- meanwhile ($6: what says so is).
insert into webhook_deliveries (webhook_id, message_id, type, contact, body)
select one.webhook_id, one.message_id, one.type, one.contact, one.body
from unnest($1::uuid[], $2::text[], $3::text[], $4::text[], $5::text[]) with ordinality
    as one (webhook_id, message_id, type, contact, body, place)
join webhooks w on w.id = one.webhook_id
where one.contact is null or one.type = $6
    or exists (select from contacts c where c.account_id = w.account_id and c.external_id = one.contact offset 0)
order by one.place
on conflict do nothing

-- name: leave_out
-- Counts messages that are not enqueued, since too many wait.
update webhooks w set left_out = left_out + one.count
from unnest($1::uuid[], $2::bigint[]) as one (id, count)
where w.id = one.id

-- name: forget_scores
-- Deletes what was enqueued about the scores ($3: types) of contacts ($2) of an account ($1, its key): they have ended.
delete from webhook_deliveries d
using webhooks w, accounts a
where a.key = $1 and w.account_id = a.id and d.webhook_id = w.id and d.contact = any($2::text[]) and d.type = any($3::text[])

-- name: forget_contact
-- Deletes all deliveries that name a contact ($2) of an account ($1).
delete from webhook_deliveries d
using webhooks w
where w.account_id = $1 and d.webhook_id = w.id and d.contact = $2

-- name: ended_jobs
-- Jobs of accounts that have webhooks for this type ($1), which ended in the last ten minutes, by webhook: longer than any
-- transaction that ends one.
with job as (
    select 'publish' as kind, u.id, p.account_id, p.key as subject, u.state::text as state, u.requested_by, u.contacts_done as done,
        u.ended_at
    from publishes u join profiles p on p.id = u.profile_id
    where u.ended_at > now() - interval '10 minutes'
    union all
    select 'rejudgement', r.id, d.account_id, d.key, r.state::text, r.requested_by, r.contacts_done, r.ended_at
    from rejudgements r join definitions d on d.id = r.definition_id
    where r.ended_at > now() - interval '10 minutes'
    union all
    select 'purge', p.id, p.account_id, null, p.state::text, 'retention', p.contacts_done, p.ended_at
    from purges p
    where p.ended_at > now() - interval '10 minutes'
    union all
    select 'backfill', b.id, b.account_id, null, b.state::text, b.requested_by, b.events_done, b.ended_at
    from backfills b
    where b.ended_at > now() - interval '10 minutes'
)
select w.id as webhook_id, a.key as account, j.kind, j.id, j.subject, j.state, j.requested_by, j.done, j.ended_at
from job j
join webhooks w on w.account_id = j.account_id and w.active and $1 = any(w.types) and w.created_at <= j.ended_at
join accounts a on a.id = j.account_id
order by j.ended_at, j.kind, j.id

-- name: claim
-- Leases up to $1 webhooks for $2 seconds that have something to be sent now, those first that were served longest ago.
update webhooks set leased_until = clock_timestamp() + make_interval(secs => $2), served_at = clock_timestamp()
where id in (
    select w.id from webhooks w
    where w.active and w.paused_at is null and (w.leased_until is null or w.leased_until < clock_timestamp())
        and (w.retry_at is null or w.retry_at <= clock_timestamp())
        and exists (select from webhook_deliveries d
                    where d.webhook_id = w.id and d.state = 'waiting' and d.next_at <= clock_timestamp())
    order by w.served_at
    limit $1
    for no key update skip locked)
returning id, url, secret, case when rotated_at > now() - interval '1 day' then previous_secret end as previous_secret, failures

-- name: due
-- The next deliveries of a webhook, in order: none before which one of the same contact waits for another time.
select d.id, d.message_id, d.contact, d.body, d.attempts
from webhook_deliveries d
where d.webhook_id = $1 and d.state = 'waiting' and d.next_at <= clock_timestamp()
    and not exists (
        select from webhook_deliveries before
        where before.webhook_id = d.webhook_id and before.state = 'waiting' and before.contact = d.contact and before.id < d.id
            and before.next_at > clock_timestamp())
order by d.id
limit $2

-- name: delivered
-- Records that a delivery has arrived.
with delivery as (
    update webhook_deliveries set state = 'delivered', attempts = attempts + 1, status = $3, error = null, ended_at = now()
    where webhook_id = $1 and id = $2 and state = 'waiting'
)
update webhooks set failures = 0, failing_since = null, retry_at = null, error = null
where id = $1 and failures > 0

-- name: failed
-- Records that an attempt has failed ($3: HTTP status, $4: why). The delivery is to be tried again after $5 seconds, unless it was
-- tried for a day. After $6 failures in a row the webhook waits itself, twice as long each time, up to five minutes; when it has
-- failed for a day, or at once ($7), it is paused. Returns whether it may go on.
with delivery as (
    update webhook_deliveries
    set attempts = attempts + 1, status = $3, error = $4, next_at = clock_timestamp() + make_interval(secs => $5),
        state = case when since < now() - interval '1 day' then 'failed' else state end,
        ended_at = case when since < now() - interval '1 day' then now() end
    where webhook_id = $1 and id = $2 and state = 'waiting'
)
update webhooks
set failures = least(failures + 1, 1000), failing_since = coalesce(failing_since, now()), error = $4,
    retry_at = case when failures + 1 >= $6
                    then clock_timestamp() + least(300, 2 ^ least(failures + 1 - $6, 9)) * interval '1 second' end,
    paused_at = case when $7 or failing_since < now() - interval '1 day' then now() end
where id = $1
returning paused_at is null and retry_at is null

-- name: release
-- Gives a lease back.
update webhooks set leased_until = null where id = $1

-- name: paused
-- How many webhooks are paused.
select count(*) from webhooks where paused_at is not null and active

-- name: forget
-- Deletes deliveries that ended longer than $1 days ago, $2 at most.
delete from webhook_deliveries
where (webhook_id, id) in (
    select webhook_id, id from webhook_deliveries
    where state <> 'waiting' and ended_at < now() - make_interval(days => $1)
    order by ended_at limit $2)

-- name: forget_more
-- Deletes of each webhook what ended before its newest $1 deliveries, $2 at most.
delete from webhook_deliveries d
using (
    select o.webhook_id, o.id
    from webhooks w
    cross join lateral (
        select e.id from webhook_deliveries e where e.webhook_id = w.id order by e.id desc offset $1 limit 1) last
    cross join lateral (
        select e.webhook_id, e.id from webhook_deliveries e
        where e.webhook_id = w.id and e.id <= last.id and e.state <> 'waiting'
        order by e.id
        limit $2) o) old
where d.webhook_id = old.webhook_id and d.id = old.id

-- name: lock_account
-- Locks an account, so that its webhooks are counted one after another.
select from accounts where id = $1 for no key update

-- name: list
-- The webhooks of an account, or one of them ($2), oldest first.
select w.id, w.url, w.description, w.types, w.active, w.created_at, w.rotated_at, w.failures, w.failing_since, w.retry_at, w.error,
    w.paused_at, w.left_out,
    (select count(*) from (select from webhook_deliveries d where d.webhook_id = w.id and d.state = 'waiting' limit 1001) one)
        as waiting
from webhooks w
where w.account_id = $1 and ($2::uuid is null or w.id = $2)
order by w.created_at, w.id

-- name: create
-- Creates a webhook.
insert into webhooks (account_id, url, description, types, active, secret) values ($1, $2, $3, $4, $5, $6) returning id

-- name: lock
-- Locks a webhook of an account.
select id from webhooks where account_id = $1 and id = $2 for no key update

-- name: change
-- Changes a webhook; what was about its address begins anew.
update webhooks
set url = $2, description = $3, types = $4, active = $5,
    failures = 0, failing_since = null, retry_at = null, error = null, paused_at = null
where id = $1

-- name: delete
-- Deletes a webhook with its deliveries.
delete from webhooks where id = $1

-- name: rotate
-- Gives it another secret; the one before signs too for a day.
update webhooks set previous_secret = secret, secret = $2, rotated_at = now() where id = $1

-- name: resume
-- Lets a paused one go on: what waits is due now, and tried for a day from now.
with waiting as (
    update webhook_deliveries set next_at = now(), since = now() where webhook_id = $1 and state = 'waiting'
)
update webhooks set failures = 0, failing_since = null, retry_at = null, error = null, paused_at = null where id = $1

-- name: deliveries
-- Deliveries of a webhook before one of them ($2, by its message), newest first, all of them or those in a state ($3).
select id, message_id, type, contact, state, created_at, attempts, case when state = 'waiting' then next_at end as next_at, status,
    error, ended_at
from webhook_deliveries
where webhook_id = $1 and ($3::text is null or state = $3)
    and id < case when $2::text is null then 9223372036854775807
                  else (select id from webhook_deliveries where webhook_id = $1 and message_id = $2) end
order by id desc
limit $4

-- name: delivery
-- One delivery, by its message.
select id, message_id, type, contact, state, created_at, attempts, case when state = 'waiting' then next_at end as next_at, status,
    error, ended_at, body
from webhook_deliveries
where webhook_id = $1 and message_id = $2

-- name: resend
-- Lets a delivery be sent again, and tried for a day from now.
update webhook_deliveries
set state = 'waiting', next_at = now(), since = now(), ended_at = null
where webhook_id = $1 and message_id = $2
