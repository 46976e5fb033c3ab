-- name: set_horizon
-- Sets an account's horizon, which in the service only a purge moves.
update accounts set horizon = $2 where key = $1

-- name: positions
-- How many messages were ever enqueued in the outbox, how many are known to be published, and how many contacts wait for
-- their joins and deletions.
select (select sum(head) from outbox_heads)::bigint as enqueued, (select sum(floor) from relay_floors)::bigint as published,
    (select count(*) from identity_work) as waiting

-- name: hottest
-- The contacts with the most points in their account's primary profile, by name, with their groups' points.
with top as (
    select p.account_id, p.id as profile_id, p.published_version as version, s.contact_id, s.points
    from profiles p
    cross join lateral (
        select s.contact_id, s.points from ranks s
        where s.profile_id = p.id and s.version = p.published_version and s.group_id = 0
        order by s.points desc, s.contact_id desc
        limit $1) s
    where p.is_primary
    order by s.points desc, s.contact_id desc
    limit $1
)
select coalesce(f.value, c.external_id) as name, a.name as account,
    shown_points(t.points, v.floor, v.cap) as overall,
    band_of(shown_points(t.points, v.floor, v.cap), v.band_keys, v.band_least) as band,
    array_agg(g.name order by g.position) as groups,
    array_agg(coalesce(s.points, 0)::bigint order by g.position) as points
from top t
join contacts c on c.id = t.contact_id
join accounts a on a.id = t.account_id
left join contact_fields f on f.contact_id = c.id and f.field = 'name'
join groups g on g.account_id = t.account_id
left join version_groups v on v.profile_id = t.profile_id and v.version = t.version and v.group_id = 0
left join scores s on s.contact_id = t.contact_id and s.profile_id = t.profile_id and s.version = t.version
    and s.group_id = g.id
group by c.external_id, f.value, a.name, t.points, t.contact_id, v.floor, v.cap, v.band_keys, v.band_least
order by t.points desc, t.contact_id desc

-- name: overall
-- Every contact's overall score as it is shown, and its band, by the key of its messages.
select concat_ws(':', a.key, p.key, c.external_id) as key, shown_points(s.overall, v.floor, v.cap) as points,
    band_of(shown_points(s.overall, v.floor, v.cap), v.band_keys, v.band_least) as band
from contact_scores s
join profiles p on p.id = s.profile_id and p.published_version = s.version
left join version_groups v on v.profile_id = p.id and v.version = s.version and v.group_id = 0
join contacts c on c.id = s.contact_id
join accounts a on a.id = c.account_id

-- name: net_xp
-- The XP of all counted entries together.
select coalesce(sum(xp_worth), 0)::bigint from timeline where verdict = 'counted'

-- name: taken
-- Entries that deletions have taken away, and the XP of them that stays.
select coalesce(sum((taken ->> 'timeline')::bigint), 0)::bigint as entries,
    coalesce(sum((taken ->> 'xp_that_stays')::bigint), 0)::bigint as xp
from deletions

-- name: varied_contacts
-- The contacts with the most varied timelines: first with a counted entry that was overtaken, then by kinds of verdicts.
select contact_id from timeline
group by contact_id
order by bool_or(verdict <> 'counted' and credit_number > 0) desc, count(distinct verdict) desc,
    count(*) filter (where verdict <> 'counted') desc, contact_id
limit $1

-- name: contact
-- A contact by name, with its scores in the account's primary profile.
select coalesce(f.value, c.external_id) as name, c.external_id as id, a.name as account,
    shown_points(coalesce(max(s.points) filter (where s.group_id = 0), 0)::bigint, v.floor, v.cap) as overall,
    array_agg(g.name order by g.position) filter (where g.id is not null) as groups,
    array_agg(s.points order by g.position) filter (where g.id is not null) as points
from contacts c
join accounts a on a.id = c.account_id
join profiles p on p.account_id = a.id and p.is_primary
left join contact_fields f on f.contact_id = c.id and f.field = 'name'
left join scores s on s.contact_id = c.id and s.profile_id = p.id and s.version = p.published_version
left join groups g on g.id = s.group_id
left join version_groups v on v.profile_id = p.id and v.version = p.published_version and v.group_id = 0
where c.id = $1
group by c.external_id, f.value, a.name, v.floor, v.cap

-- name: timeline
-- A contact's entries, newest first, with their points under the account's primary profile.
select t.occurred_at, d.name as definition, t.verdict::text, t.settled, t.xp_worth,
    t.credit_number, t.actor_id, t.object_id, e.policy::text, e.interval_seconds, e.per::text,
    case when t.verdict = 'counted' then w.weight else 0 end as points
from contacts c
join timeline t on t.account_id = c.account_id and t.contact_id = c.id
join definitions d on d.id = t.definition_id
join editions e on e.definition_id = t.definition_id and e.number = t.edition
join profiles p on p.account_id = t.account_id and p.is_primary
join version_weights w on w.profile_id = p.id and w.version = p.published_version
    and w.definition_id = t.definition_id
where c.id = $1
order by t.occurred_at desc, t.event_key desc, d.position
