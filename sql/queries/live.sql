-- Events for clients that stay connected (docs/decisions/0034). No statement is asked for each client.

-- name: salt
-- Of the keys by which ids of events are encrypted.
select salt from installation

-- name: heads
-- The last position of each shard, and the incarnation.
select i.incarnation, (select array_agg(head order by shard) from outbox_heads) as heads from installation i

-- name: jobs
-- The background jobs of these accounts that have not ended, and those that ended in the last minute.
with one_account as (
    select id from accounts where key = any($1::text[])
), publish as (
    select u.id, u.profile_id, u.state, u.contacts_done, u.contacts_total, u.ended_at from publishes u where u.ended_at is null
    union all
    select u.id, u.profile_id, u.state, u.contacts_done, u.contacts_total, u.ended_at from publishes u
    where u.ended_at > now() - interval '1 minute'
), rejudgement as (
    select r.id, r.definition_id, r.state, r.contacts_done, r.contacts_total, r.ended_at from rejudgements r
    where r.ended_at is null
    union all
    select r.id, r.definition_id, r.state, r.contacts_done, r.contacts_total, r.ended_at from rejudgements r
    where r.ended_at > now() - interval '1 minute'
), purge as (
    select p.id, p.account_id, p.state, p.contacts_done, p.contacts_total, p.ended_at from purges p where p.ended_at is null
    union all
    select p.id, p.account_id, p.state, p.contacts_done, p.contacts_total, p.ended_at from purges p
    where p.ended_at > now() - interval '1 minute'
), backfill as (
    select b.id, b.account_id, b.state, b.events_done, b.events_total, b.since, b.ended_at from backfills b
    where b.ended_at is null
    union all
    select b.id, b.account_id, b.state, b.events_done, b.events_total, b.since, b.ended_at from backfills b
    where b.ended_at > now() - interval '1 minute'
), job as (
    select 'publish' as kind, u.id, p.account_id, p.key as subject, u.state::text as state, u.contacts_done as done,
        u.contacts_total as total, u.ended_at
    from publish u join profiles p on p.id = u.profile_id
    union all
    select 'rejudgement', r.id, d.account_id, d.key, r.state::text, r.contacts_done, r.contacts_total, r.ended_at
    from rejudgement r join definitions d on d.id = r.definition_id
    union all
    select 'purge', p.id, p.account_id, null, p.state::text, p.contacts_done, p.contacts_total, p.ended_at from purge p
    union all
    -- Of one that reads topics the number of events is not known before its end.
    select 'backfill', b.id, b.account_id, null, b.state::text, b.events_done,
        case when b.since is null then b.events_total end, b.ended_at
    from backfill b
)
select a.key as account, j.kind, j.id, j.subject, j.state, j.done, j.total, j.ended_at
from job j
join accounts a on a.id = j.account_id
where j.account_id in (select id from one_account)
order by j.kind, j.id
