-- Rejudging the retained history of a definition under its newest edition (docs/decisions/0012).

-- name: pin_plans
-- Plans are made once, maybe for small tables: the rows of the contacts of a step have to be looked up by key.
set local enable_seqscan = off; set local enable_bitmapscan = off; set local enable_hashjoin = off;
set local enable_mergejoin = off

-- name: find_definition
-- The numbers of an account and a definition, its newest edition, and whether a rejudgement of it runs: one row.
select a.id as account_id, d.id as definition_id, d.edition,
    exists (select from rejudgements r where r.definition_id = d.id and r.ended_at is null) as is_running
from (select) one
left join accounts a on a.key = $1
left join definitions d on d.account_id = a.id and d.key = $2

-- name: begin
-- Begins a rejudgement; contacts created later are judged by the newest edition anyway.
insert into rejudgements (definition_id, edition, with_xp, requested_by, until_contact_id)
select $1, $2, $3, $4, coalesce(max(id), 0) from contacts
returning id

-- name: read
-- The progress of a rejudgement.
select r.id, a.key as account, d.key as definition, r.edition, r.with_xp, r.state::text as state, r.requested_by,
    r.requested_at, r.ended_at, r.contacts_done, r.contacts_total, r.entries_changed
from rejudgements r
join definitions d on d.id = r.definition_id
join accounts a on a.id = d.account_id
where r.id = $1

-- name: unfinished
-- Rejudgements that have not ended, oldest first.
select id from rejudgements where ended_at is null order by id

-- name: page
-- Rejudgements of a definition before $2, newest first (rejudgements_by_definition).
select id, edition, with_xp as xp, state::text as state, requested_by, requested_at, ended_at, contacts_done as done,
    contacts_total as total, entries_changed as changed
from rejudgements
where definition_id = $1 and id < $2
order by id desc
limit $3

-- name: lock_rejudgement
-- Locks a rejudgement until the transaction ends. superseded: the definition has a newer edition.
select r.definition_id, d.account_id, r.with_xp, r.state::text as state, r.last_contact_id, r.until_contact_id,
    r.contacts_total is null as uncounted, r.edition <> d.edition as superseded
from rejudgements r
join definitions d on d.id = r.definition_id
where r.id = $1
for no key update of r

-- name: count_contacts
-- Counts the contacts to process.
update rejudgements r
set contacts_total = (select count(*) from contacts c where c.account_id = $2 and c.id <= r.until_contact_id)
where r.id = $1

-- name: has_announcing_publish
-- Whether a publish of the account is being announced: until it is, contacts have scores under the old version too.
select exists (
    select from publishes u join profiles p on p.id = u.profile_id
    where p.account_id = $1 and u.state = 'announcing')

-- name: lock_outbox_heads
-- Locks the heads of the outbox in order, before two statements of one transaction take positions.
select from outbox_heads order by shard for no key update

-- name: published_profiles
-- The published profiles of an account.
select id from profiles where account_id = $1 and published_version is not null order by id

-- name: judged
-- Begins the statements below: the retained entries of a definition ($2) of these contacts ($1), except excluded ones,
-- judged as one set under its newest edition; settled entries are judged in event order like the others. xp_due: an XP
-- message is due, i.e. XP is asked for ($3) and the parity of credit_number does not match the new verdict.
with definition as materialized (
    select d.id, d.account_id, d.key, d.edition, d.policy, d.per, make_interval(secs => d.interval_seconds) as span
    from definitions d where d.id = $2
),
walked as (
    select d.account_id, d.edition as newest, d.policy, t.contact_id, t.occurred_at, t.event_key, t.edition, t.verdict,
        t.settled, t.xp_worth, t.credit_number, t.type, t.source, t.event_id, t.actor_id, k.object_key,
        last_counted(t.occurred_at, d.span, false, null) over in_order as state,
        row_number() over in_order as place
    from definition d
    cross join unnest($1::bigint[]) as c(id)
    cross join lateral (
        select * from timeline t
        where t.account_id = d.account_id and t.contact_id = c.id and t.definition_id = d.id
            and t.verdict <> 'excluded'
        offset 0) t
    cross join lateral (
        select case when d.per = 'object' then coalesce(t.object_id, '') else '' end as object_key) k
    window in_order as (partition by t.contact_id, k.object_key order by t.occurred_at, t.event_key
                        rows unbounded preceding)
),
new_verdict as (
    select *,
        (case
            when policy = 'always' then 'counted'
            when policy = 'once' then case place when 1 then 'counted' else 'already_counted' end
            when state is distinct from lag(state) over in_order then 'counted'
            else 'cooling_down'
        end)::verdict as becomes
    from walked
    window in_order as (partition by contact_id, object_key order by occurred_at, event_key)
),
judged as materialized (
    select *, (becomes = 'counted')::int - (verdict = 'counted')::int as step,
        $3::bool and xp_worth <> 0 and (credit_number % 2 = 1) <> (becomes = 'counted') as xp_due
    from new_verdict
)

-- name: preview
-- What rejudging would change for these contacts: for each, the entries that begin to count or cease to, how often the
-- definition counts before and after, and the XP that reps would gain and lose.
select j.contact_id, count(*) filter (where j.step = 1) as counting, count(*) filter (where j.step = -1) as ceasing,
    count(*) filter (where j.verdict = 'counted') as before, count(*) filter (where j.becomes = 'counted') as after,
    coalesce(sum(j.xp_worth) filter (where j.xp_due and j.becomes = 'counted'), 0)::bigint as xp_given,
    coalesce(sum(j.xp_worth) filter (where j.xp_due and j.becomes <> 'counted'), 0)::bigint as xp_taken
from judged j
group by j.contact_id
having bool_or(j.step <> 0) or bool_or(j.xp_due)

-- name: write
-- Writes the result: verdicts and editions of entries, tallies, the gates of the newest edition, scores under every
-- version that is published or being built, and XP messages. Returns the deltas of published scores as columns; the
-- caller enqueues the score messages.
, write_timeline as (
    update timeline t
    set verdict = j.becomes, edition = j.newest, credit_number = t.credit_number + j.xp_due::int
    from judged j
    where ((j.verdict, j.edition) is distinct from (j.becomes, j.newest) or j.xp_due)
        -- Equality, written so that no other index than the primary key can serve it.
        and t.occurred_at between j.occurred_at and j.occurred_at
        and (t.account_id, t.contact_id, t.occurred_at, t.event_key, t.definition_id)
            >= (j.account_id, j.contact_id, j.occurred_at, j.event_key, $2::int)
        and (t.account_id, t.contact_id, t.occurred_at, t.event_key, t.definition_id)
            <= (j.account_id, j.contact_id, j.occurred_at, j.event_key, $2::int)
    returning j.verdict <> j.becomes as changed
),
tally_step as materialized (
    select contact_id, edition, sum(step) as step
    from (
        select contact_id, edition, -1 as step from judged where verdict = 'counted'
        union all
        select contact_id, newest, 1 from judged where becomes = 'counted'
    ) s
    group by contact_id, edition
    having sum(step) <> 0
),
write_tallies as (
    insert into tallies as t (contact_id, definition_id, edition, count)
    select contact_id, $2, edition, step from tally_step
    order by contact_id, edition
    on conflict (contact_id, definition_id, edition) do update set count = t.count + excluded.count
    returning 1
),
write_gates as (
    insert into gates as g (contact_id, definition_id, edition, object_key, last_counted_at, last_counted_key,
                            last_fixed_at)
    select contact_id, $2, newest, object_key, max(occurred_at) filter (where becomes = 'counted' and not settled),
        -- of the last in event order, which is the greatest key at the greatest time
        (array_agg(event_key order by occurred_at desc, event_key desc)
            filter (where becomes = 'counted' and not settled))[1],
        max(occurred_at) filter (where becomes = 'counted' and settled)
    from judged
    where policy <> 'always'
    group by contact_id, newest, object_key
    order by contact_id, object_key
    on conflict (contact_id, definition_id, edition, object_key) do update
    set last_counted_at = excluded.last_counted_at, last_counted_key = excluded.last_counted_key,
        last_fixed_at = excluded.last_fixed_at
    returning 1
),
delete_old_gates as ( -- of older editions, under which nothing is judged any more
    delete from gates g
    using definition d
    where g.contact_id = any ($1::bigint[]) and g.definition_id = d.id and g.edition < d.edition
    returning 1
),
score_step as materialized (
    select s.contact_id, w.profile_id, w.version, g.id as group_id, s.step * w.weight as points,
        v.state = 'published' as is_published
    from (select contact_id, sum(step) as step from judged group by contact_id having sum(step) <> 0) s
    join version_weights w on w.definition_id = $2
    join profile_versions v on v.profile_id = w.profile_id and v.version = w.version
        and v.state in ('building', 'published')
    cross join lateral (values (0), (w.group_id)) as g(id)
),
write_scores as (
    insert into scores as s (contact_id, profile_id, version, group_id, points)
    select contact_id, profile_id, version, group_id, points from score_step
    order by contact_id, profile_id, version, group_id
    on conflict (contact_id, profile_id, version, group_id) do update set points = s.points + excluded.points
    where excluded.points <> 0
    returning 1
),
-- Facts in the order in which consumer/relay/message_json.py takes them apart.
message as materialized (
    select c.shard % (select shards from installation) as shard, c.id as contact_id, j.occurred_at, j.event_key,
        concat_ws(E'\x1f', a.key, c.external_id, j.actor_id, encode(j.event_key, 'hex'), d.key, j.credit_number + 1,
                  case j.becomes when 'counted' then j.xp_worth else -j.xp_worth end,
                  (extract(epoch from j.occurred_at) * 1000000)::bigint, j.event_id, j.source, j.type) as facts
    from judged j
    cross join definition d
    cross join lateral (select key from accounts a where a.id = d.account_id offset 0) a
    cross join lateral (select id, external_id, shard from contacts c where c.id = j.contact_id offset 0) c
    where j.xp_due
),
written as materialized (
    select (select count(*) from write_timeline where changed) as changed,
        (select count(*) from write_tallies) + (select count(*) from write_gates) + (select count(*) from delete_old_gates)
            + (select count(*) from write_scores) as folded
),
write_outbox as (
    insert into outbox (shard, first_position, kinds, facts, groups, committed_at)
    select shard, take_positions(shard, messages), kinds, facts, '{}', clock_timestamp()
    from (
        select m.shard, count(*) as messages, array_agg('xp_credited'::message_kind) as kinds,
            array_agg(m.facts order by m.contact_id, m.occurred_at, m.event_key) as facts
        from message m cross join written
        group by m.shard
        order by m.shard
    ) by_shard
    returning cardinality(kinds) as messages
)
select changed, (select coalesce(sum(messages), 0)::bigint from write_outbox) as messages, s.*
from written
cross join (
    select coalesce(array_agg(contact_id), '{}')::text as contacts, coalesce(array_agg(profile_id), '{}')::text as profiles,
        coalesce(array_agg(group_id), '{}')::text as groups, coalesce(array_agg(points), '{}')::text as points
    from score_step
    where is_published
) s

-- name: record_progress
-- Records that contacts up to $2 are processed, $3 of them by this step, with $4 entries changed.
update rejudgements
set last_contact_id = $2, contacts_done = contacts_done + $3, entries_changed = entries_changed + $4
where id = $1

-- name: finish
-- Ends a rejudgement, if it has not ended yet.
update rejudgements set state = $2::text::rejudgement_state, ended_at = now() where id = $1 and ended_at is null
