-- Reads for `verify`, and comparisons of which each row is a difference; $1 null: all accounts.

-- name: contacts
-- The next contacts by number, of one account or all.
select id from contacts where id > $1 and ($3::int is null or account_id = $3) order by id limit $2

-- name: editions
-- The dedup policy of every edition.
select definition_id, number, policy::text, interval_seconds, per::text from editions

-- name: entries
-- All entries of these contacts.
select t.contact_id, t.definition_id, t.edition, t.occurred_at, t.event_key, t.object_id, t.settled,
    t.verdict::text, t.came_by
from contacts c
join timeline t on t.account_id = c.account_id and t.contact_id = c.id
where c.id = any($1::bigint[])

-- name: entries_stored
-- The number of entries, those of unknown contacts included.
select count(*) from timeline where $1::int is null or account_id = $1

-- name: tallies
-- Tallies of these contacts, except those of 0 and carried counts, whose entries are gone.
select contact_id, definition_id, edition, sum(count)::bigint as count from dedup_keys
where contact_id = any($1::bigint[]) and edition > 0
group by contact_id, definition_id, edition
having sum(count) <> 0

-- name: gates
-- Gates of these contacts with a counted event.
select contact_id, definition_id, edition, object_key, last_counted_key from dedup_keys
where contact_id = any($1::bigint[]) and last_counted_key is not null

-- name: purged
-- Contacts that still have whole entries dated before the horizon of the last purge but one: a join may take entries past the
-- last.
select format('purge: contact %s has %s entries before the horizon', t.contact_id, count(*)) as difference
from accounts a
cross join lateral (
    select account_id, horizon from purges p where p.account_id = a.id and p.state = 'done' order by id desc offset 1 limit 1) p
join timeline t on t.account_id = p.account_id and t.occurred_at < p.horizon and t.purged_at is null
where $1::int is null or p.account_id = $1
group by t.contact_id
order by 1

-- name: scores
-- Sums that are not tallies × weights + adjustments, by group, and of overall what is shown of groups: under published versions,
-- and under those being built for the contacts that are processed or came later. Others have only what batches have added so far.
with active as (
    select v.profile_id, v.version, coalesce(u.last_contact_id, 0) as built_up_to,
        case when u.counted_contact_id < 0 then (select max(id) from contacts)
             else coalesce(u.until_contact_id, 0) end as build_until
    from profile_versions v
    left join publishes u on u.profile_id = v.profile_id and u.version = v.version and v.state = 'building'
    where v.state in ('published', 'building')
), points as (
    select t.contact_id, w.profile_id, w.version, w.group_id, t.count::bigint * w.weight as points
    from dedup_keys t
    join version_weights w on w.definition_id = t.definition_id
    join active v on v.profile_id = w.profile_id and v.version = w.version
    union all
    select a.contact_id, a.profile_id, v.version, a.group_id, a.points
    from adjustments a
    join active v on v.profile_id = a.profile_id
), by_group as materialized (
    select contact_id, profile_id, version, group_id, sum(points)::bigint as points
    from points
    group by contact_id, profile_id, version, group_id
), computed as (
    select contact_id, profile_id, version, group_id, points from by_group
    union all
    select contact_id, profile_id, version, 0,
        coalesce(sum(shown_points(g.points, f.floor, f.cap)) filter (where f.apart is not true), 0)
    from by_group g
    left join version_groups f using (profile_id, version, group_id)
    group by contact_id, profile_id, version
), seen as ( -- every contact ever seen has an overall score, unless it was joined to another or erased
    select c.id as contact_id, v.profile_id, v.version, 0 as group_id
    from contacts c
    join profiles p on p.account_id = c.account_id
    join active v on v.profile_id = p.id
    where c.survivor_id is null and c.external_id is not null
        and not exists (select from identity_work w where w.contact_id = c.id)
), stored as (
    select s.contact_id, s.profile_id, s.version, s.group_id, s.points from scores s
    join active v on v.profile_id = s.profile_id and v.version = s.version
)
select format('score: contact %s, profile %s version %s, group %s: stored %s, computed %s', contact_id, profile_id,
              version, group_id, coalesce(s.points::text, 'nothing'), coalesce(c.points, 0)) as difference
from seen
full join computed c using (contact_id, profile_id, version, group_id)
full join stored s using (contact_id, profile_id, version, group_id)
join profiles p on p.id = profile_id and ($1::int is null or p.account_id = $1)
join active v using (profile_id, version)
where s.points is distinct from coalesce(c.points, 0) and (contact_id <= v.built_up_to or contact_id > v.build_until)
order by 1

-- name: identity
-- Contacts that were joined to others, or erased, and still have entries or scores, or to which others lead.
select format('contact %s: was %s, and still has %s', c.id,
              case when c.external_id is null then 'erased' else 'joined to another' end, still.has) as difference
from contacts c
cross join lateral (
    select 'scores' as has where exists (select from contact_scores s where s.contact_id = c.id)
    union all
    select 'dedup keys' where exists (select from dedup_keys k where k.contact_id = c.id)
    union all
    select 'contacts joined to it' where exists (select from contacts o where o.survivor_id = c.id)
    union all
    select 'entries'
    where exists (select from timeline t where t.account_id = c.account_id and t.contact_id = c.id)) still
where (c.survivor_id is not null or c.external_id is null) and ($1::int is null or c.account_id = $1)
order by 1

-- name: unannounced
-- Shown points other than 0 without a message, except of contacts to which a publish is still to be announced.
select format('announcement: contact %s, profile %s: no message for %s points in group %s', s.contact_id, s.profile_id,
              shown_points(s.points, f.floor, f.cap), s.group_id) as difference
from scores s
join profiles p on p.id = s.profile_id and p.published_version = s.version
left join version_groups f on f.profile_id = s.profile_id and f.version = s.version and f.group_id = s.group_id
left join publishes u on u.profile_id = p.id and u.state = 'announcing'
    and s.contact_id > u.last_contact_id and (s.contact_id <= u.until_contact_id or u.counted_contact_id < 0)
left join scores o on o.contact_id = s.contact_id and o.profile_id = s.profile_id and o.version = s.version
    and o.group_id = 0
where ($1::int is null or p.account_id = $1) and shown_points(s.points, f.floor, f.cap) <> 0 and u.id is null
    and o.message_version is null
order by 1

-- name: ranks
-- Points by which lists are sorted that are not those of the score, or are missing.
select format('rank: contact %s, profile %s version %s, group %s: listed by %s, the score is %s', contact_id, profile_id,
              version, group_id, coalesce(r.points::text, 'nothing'), coalesce(s.points::text, 'nothing')) as difference
from ranks r
full join scores s using (profile_id, version, group_id, contact_id)
join profiles p on p.id = profile_id and ($1::int is null or p.account_id = $1)
where r.points is distinct from s.points
order by 1

-- name: positions
-- Outbox rows that do not follow each other from the floor to the head.
with ends as (
    select shard, floor as last_position, floor as first_position from relay_floors
    union all
    -- of a row that is published in part, the rest
    select shard, first_position + cardinality(kinds) - 1, greatest(first_position, floor + 1)
    from outbox join relay_floors using (shard)
    where first_position + cardinality(kinds) - 1 > floor
), followed as (
    select shard, last_position, lead(first_position) over (partition by shard order by last_position) as following
    from ends
)
select format('outbox: shard %s: after position %s comes %s, the head is %s', shard, last_position,
              coalesce(following::text, 'nothing'), head) as difference
from followed join outbox_heads using (shard)
where coalesce(following - 1, head) <> last_position
order by 1

-- name: messages
-- Messages in rows that are not published entirely, which leave a gap in the versions or points, or do not lead to the scores
-- announced last; not of a shard that has facts of a newer format (consumer/relay/fact_format.py).
with fact as (
    select first_position, place, kind, is_shown,
        string_to_array(case when is_shown then substr(facts, 4) else facts end, E'\x1f') as fields
    from (
        select o.first_position, m.place, m.kind, m.facts, m.facts like E'\x1c2\x1f%' as is_shown,
            bool_or(m.facts like E'\x1c%' and m.facts not like E'\x1c2\x1f%') over (partition by o.shard) as has_newer
        from outbox o
        join relay_floors f using (shard)
        cross join unnest(o.kinds, o.facts) with ordinality as m(kind, facts, place)
        where m.kind in ('score_changed', 'tombstone') and o.first_position + cardinality(o.kinds) - 1 > f.floor
    ) one
    where not has_newer
), message as ( -- with overall points, read as consumer/relay/message_json.py does; a tombstone leaves none
    select first_position, place, fields[1] as account, fields[2] as contact, fields[3] as profile,
        fields[5]::bigint as version, kind = 'tombstone' as ends,
        overall[1] as previous,
        case when is_shown then overall_shown else case when fields[9] = '' then overall[1] else overall[2] end + overall[3] end
            as current
    from fact
    cross join lateral ( -- of format 2: groups, previous and current
        select case when is_shown
                    then coalesce((fields[9]::bigint[])[array_position(fields[7]::int[], 0)], 0) end as overall_shown) f
    cross join lateral ( -- of previous, current and delta: groups at `at`, points after them; of format 2 previous alone
        select array_agg(coalesce((nullif(fields[at + 1], '')::bigint[])[array_position(nullif(fields[at], '')::int[], 0)], 0)
                         order by at) as overall
        from unnest(case when is_shown then array[7] else array[7, 9, 11] end) as at) o
), chained as (
    select *, max(version) over (chain rows between unbounded preceding and 1 preceding) as version_before,
        lag(current) over chain as current_before,
        lead(1) over chain is null as newest
    from message
    window chain as (partition by account, contact, profile order by first_position, place)
)
select format('message: account %s, profile %s, contact %s, version %s does not follow', m.account, m.profile,
              m.contact, m.version) as difference
from chained m
join accounts a on a.key = m.account
join contacts c on c.account_id = a.id and c.external_id = m.contact
join profiles p on p.account_id = a.id and p.key = m.profile
left join lateral (
    select message_version, shown_points(overall, f.floor, f.cap) as points
    from contact_scores s
    left join version_groups f on f.profile_id = s.profile_id and f.version = s.version and f.group_id = 0
    where contact_id = c.id and s.profile_id = p.id and message_version is not null
    order by s.version desc
    limit 1) n on true
where ($1::int is null or a.id = $1)
    and case when m.ends then m.newest and coalesce(n.points, 0) <> 0
             else coalesce(m.version_before + 1, m.version) <> m.version
                 or coalesce(m.current_before, m.previous) <> m.previous
                 or m.newest and (m.version, m.current) is distinct from (n.message_version, n.points) end
order by 1

-- name: xp
-- Entries credited although they do not count, or counted and not credited; except after a rejudgement without XP.
select format('xp: contact %s, definition %s, event %s: %s, worth %s XP, %s messages', contact_id, definition_id,
              encode(event_key, 'hex'), verdict, xp_worth, credit_number) as difference
from timeline
where ($1::int is null or account_id = $1) and case when xp_worth = 0 then credit_number <> 0
           else (credit_number % 2 = 1) <> (verdict = 'counted') and not exists (
               select from rejudgements r
               where r.definition_id = timeline.definition_id and not r.with_xp
                   and timeline.recorded_at <= coalesce(r.ended_at, 'infinity')) end
order by 1
