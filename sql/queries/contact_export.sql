-- Everything that is kept of one contact ($2, by number) of an account ($1). The statements share a snapshot.

-- name: contact
-- The contact that an id ($2) of an account means.
select c.id as number, c.external_id as id, c.created_at as first_seen_at
from contacts named join contacts c on c.id = coalesce(named.survivor_id, named.id)
where named.account_id = $1 and named.external_id = $2;

-- name: id
-- The ids that have been joined to it, and how.
select c.external_id as id, j.origin, j.occurred_at
from contacts c
left join joins j on j.contact_id = c.id
where c.account_id = $1 and c.survivor_id = $2
order by c.external_id, j.occurred_at;

-- name: field
-- What events say about it.
select field as name, value, occurred_at from contact_fields where account_id = $1 and contact_id = $2 order by field;

-- name: score
-- Its points under published versions as they are shown, and the band where there are some, overall (group null) and by group.
select p.key as profile, p.published_version as version, g.key as "group", shown_points(s.points, f.floor, f.cap) as points,
    band_of(shown_points(s.points, f.floor, f.cap), f.band_keys, f.band_least) as band
from profiles p
join scores s on s.contact_id = $2 and s.profile_id = p.id and s.version = p.published_version
left join version_groups f on f.profile_id = p.id and f.version = p.published_version and f.group_id = s.group_id
left join groups g on g.id = s.group_id
where p.account_id = $1
order by p.position, p.id, g.position nulls first;

-- name: adjustment
-- Points that people gave or took.
select p.key as profile, g.key as "group", a.points, a.reason, a.author, a.created_at
from adjustments a
join profiles p on p.id = a.profile_id and p.account_id = $1
join groups g on g.id = a.group_id
where a.contact_id = $2
order by a.id;

-- name: carried
-- What has counted by entries that a purge has removed, and when the last of them occurred.
select d.key as definition, k.count, k.last_fixed_at as until, c.external_id as came_by
from dedup_keys k
join definitions d on d.id = k.definition_id and d.account_id = $1
left join contacts c on c.id = nullif(k.object_key, '')::bigint
where k.contact_id = $2 and k.edition = 0
order by d.position, d.id, k.object_key;

-- name: left
-- What a purge has left, since dedup needs it.
select d.key as definition, t.occurred_at, t.object_id as object, c.external_id as came_by
from timeline t
join definitions d on d.id = t.definition_id
left join contacts c on c.id = t.came_by
where t.account_id = $1 and t.contact_id = $2 and t.purged_at is not null
order by t.occurred_at, t.event_key, t.definition_id;

-- name: ignored
-- What came under its ids and reached no timeline, as far as that is still kept.
select e.outcome, e.type, e.source, e.event_id as id, e.dated_at, e.received_at, e.reason, e.detail,
    case when c.id <> $2 then c.external_id end as came_by
from (
    select id, external_id from contacts where id = $2
    union all
    select id, external_id from contacts where survivor_id = $2
    offset 0) c
cross join installation i
cross join lateral (
    select id, outcome, type, source, event_id, dated_at, received_at, reason, detail
    from ignored_events e
    where e.account_id = $1
        and e.id_hash = sha256(i.salt || convert_to($1::int || E'\x1f' || c.external_id, 'UTF8'))
    offset 0) e
order by e.id;

-- name: delivery
-- Messages to webhooks that name it, under any of its ids, as far as they are still kept.
select d.message_id as id, d.type, d.state, d.created_at, d.ended_at, d.body as message,
    case when c.id <> $2 then c.external_id end as came_by
from (
    select id, external_id from contacts where id = $2
    union all
    select id, external_id from contacts where survivor_id = $2
    offset 0) c
cross join lateral (
    select d.id, d.webhook_id, d.message_id, d.type, d.state, d.created_at, d.ended_at, d.body
    from webhook_deliveries d
    where d.contact = c.external_id and d.webhook_id in (select w.id from webhooks w where w.account_id = $1)
    offset 0) d
order by d.created_at, d.id;

-- name: event
-- Its whole entries after ($3, $4, $5), oldest first, with what came with them and the XP that they are worth to their actor.
select t.occurred_at, t.event_key, t.definition_id, d.key as definition, t.verdict::text as verdict, t.type, t.source,
    t.event_id as id, t.object_id as object, t.actor_id as actor, t.actor_type,
    case when t.credit_number % 2 = 1 then t.xp_worth else 0 end as xp, c.external_id as came_by, t.data
from timeline t
join definitions d on d.id = t.definition_id
left join contacts c on c.id = t.came_by
where t.account_id = $1 and t.contact_id = $2 and t.purged_at is null
    and ($3::timestamptz is null or (t.occurred_at, t.event_key, t.definition_id) > ($3, $4::bytea, $5::int))
order by t.occurred_at, t.event_key, t.definition_id
limit $6;
