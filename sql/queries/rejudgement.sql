-- Rejudging the retained history of a definition under its newest edition (docs/decisions/0012).

-- name: find_definition
-- The numbers of an account and a definition, its newest edition, and whether a rejudgement of it runs: one row.
select a.id as account_id, d.id as definition_id, d.edition,
    exists (select from rejudgements r where r.definition_id = d.id and r.ended_at is null) as is_running
from (select) one
left join accounts a on a.key = $1
left join definitions d on d.account_id = a.id and d.key = $2

-- name: begin
-- Begins a rejudgement. Which contacts are to be processed is not known yet (jobs.sql); those created later are judged by
-- the newest edition anyway.
insert into rejudgements (definition_id, edition, with_xp, requested_by, until_contact_id, counted_contact_id)
values ($1, $2, $3, $4, (select coalesce(max(id), 0) from contacts), -1)
returning id

-- name: read
-- The progress of a rejudgement.
select r.id, a.key as account, d.key as definition, r.edition, r.with_xp, r.state::text as state, r.requested_by,
    r.requested_at, r.ended_at, r.contacts_done as done, r.contacts_total as total, r.entries_changed as changed
from rejudgements r
join definitions d on d.id = r.definition_id
join accounts a on a.id = d.account_id
where r.id = $1

-- name: unfinished_jobs
-- Rejudgements that have not ended, as jobs (rejudgements_one_at_a_time).
select r.id, d.account_id, r.retry_at
from rejudgements r
join definitions d on d.id = r.definition_id
where r.ended_at is null

-- name: page
-- Rejudgements of a definition before $2, newest first (rejudgements_by_definition).
select id, edition, with_xp as xp, state::text as state, requested_by, requested_at, ended_at, contacts_done as done,
    contacts_total as total, entries_changed as changed
from rejudgements
where definition_id = $1 and id < $2
order by id desc
limit $3

-- name: facts
-- What a step needs of a rejudgement. superseded: the definition has a newer edition.
select d.account_id, a.key as account, r.definition_id, r.with_xp, r.state::text as state,
    r.edition <> d.edition as superseded
from rejudgements r
join definitions d on d.id = r.definition_id
join accounts a on a.id = d.account_id
where r.id = $1

-- name: lock
-- Locks a rejudgement until the transaction ends: a step that is under way is waited for.
select id from rejudgements where id = $1 for no key update

-- name: has_announcing_publish
-- Whether a publish of the account is being announced: until it is, contacts have scores under the old version too.
select exists (
    select from publishes u join profiles p on p.id = u.profile_id
    where p.account_id = $1 and u.state = 'announcing')

-- name: published_profiles
-- The published profiles of an account.
select id from profiles where account_id = $1 and published_version is not null order by id

-- name: definition
-- A definition and its newest dedup policy.
select d.id, d.account_id, a.key as account, d.key, d.edition, d.policy::text as policy, d.interval_seconds,
    d.per::text as per
from definitions d
join accounts a on a.id = d.account_id
where d.id = $1

-- name: by_object
-- The editions of a definition whose dedup keys are per object.
select number from editions where definition_id = $1 and per = 'object'

-- name: entries
-- The retained entries of a definition ($3) of these contacts ($2) of an account ($1), except excluded ones.
select t.contact_id, t.occurred_at, t.event_key, t.edition, t.verdict = 'counted' as is_counted, t.settled,
    coalesce(t.object_id, '') as object_id, t.verdict::text as verdict, t.xp_worth, t.credit_number,
    t.purged_at is not null as is_purged
from unnest($2::bigint[]) as c(id)
cross join lateral (
    select contact_id, occurred_at, event_key, edition, verdict, settled, object_id, xp_worth, credit_number, purged_at
    from timeline t
    where t.account_id = $1 and t.contact_id = c.id and t.definition_id = $3 and t.verdict <> 'excluded'
    offset 0) t

-- name: contacts
-- The external ids of these contacts, and the shards of their messages.
select c.id, c.external_id, c.shard % (select shards from installation) as shard
from unnest($1::bigint[]) as one(id)
cross join lateral (select id, external_id, shard from contacts c where c.id = one.id offset 0) c

-- name: past
-- Rejudgements of these definitions ($1) under their newest editions that come to a contact ($2) no more: they have passed
-- it, or its number is above those that they end with.
select r.definition_id, r.with_xp
from rejudgements r join definitions d on d.id = r.definition_id and d.edition = r.edition
where r.ended_at is null and r.definition_id = any($1::int[])
    and (r.last_contact_id >= $2 or r.counted_contact_id >= 0 and r.until_contact_id < $2)

-- name: record_changes
-- Records that a step has changed the verdicts of $2 entries.
update rejudgements set entries_changed = entries_changed + $2 where id = $1

-- name: finish
-- Ends a rejudgement, if it has not ended yet.
update rejudgements set state = $2::text::rejudgement_state, ended_at = now() where id = $1 and ended_at is null
returning state::text
