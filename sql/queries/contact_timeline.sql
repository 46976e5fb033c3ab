-- One contact's timeline, and the parts of its scores. The statements of one request share a snapshot.

-- name: entries
-- A contact's whole entries before ($3, $4, $5), newest first, from $6 on, of these definitions and verdicts, and by actor $11, if
-- given (timeline_pkey), with the policy of their edition (editions_pkey). blocked_by, of a `cooling_down` entry: the counted
-- entry within the interval before it, or a fixed point within the interval after it; of an `already_counted` entry: the
-- last counted event of its dedup key (dedup_keys_pkey). Null if that is not stored any more. With $10, data_bytes is the
-- size of what came with the event, and data that itself unless it has more than $10 bytes.
select t.occurred_at, t.event_key, t.definition_id, t.edition, t.verdict, t.settled, t.xp_worth, t.type, t.source,
    t.event_id, t.object_id, t.actor_id, t.actor_type, e.interval_seconds,
    (select external_id from contacts c where c.id = t.came_by) as came_by, coalesce(once.counted_at, before.occurred_at, after.occurred_at) as blocked_by,
    case when $10::int >= octet_length(t.data) then t.data end as data,
    case when $10 is not null then octet_length(t.data) end as data_bytes
from (
    select occurred_at, event_key, definition_id, edition, verdict::text, settled, xp_worth, type, source, event_id,
        object_id, actor_id, actor_type, came_by, data
    from timeline
    where account_id = $1 and contact_id = $2 and occurred_at >= $6 and occurred_at <= $3 and purged_at is null
        and (occurred_at, event_key, definition_id) < ($3, $4, $5)
        and ($7::int[] is null or definition_id = any($7)) and ($8::text[] is null or verdict::text = any($8))
        and ($11::text is null or actor_id = $11)
    order by occurred_at desc, event_key desc, definition_id desc
    limit $9) t
cross join lateral (
    select per, interval_seconds, make_interval(secs => interval_seconds) as span,
        case when per = 'object' then coalesce(t.object_id, '') else '' end as object_key
    from editions e where e.definition_id = t.definition_id and e.number = t.edition
    offset 0) e
left join lateral (
    select coalesce(last_counted_at, last_fixed_at) as counted_at
    from dedup_keys g
    where t.verdict = 'already_counted' and g.contact_id = $2 and g.definition_id = t.definition_id
        and g.edition = t.edition and g.object_key = e.object_key
    offset 0) once on true
left join lateral (
    select b.occurred_at from timeline b
    where t.verdict = 'cooling_down' and b.account_id = $1 and b.contact_id = $2
        and b.occurred_at > t.occurred_at - e.span and b.occurred_at <= t.occurred_at
        and (b.occurred_at, b.event_key) < (t.occurred_at, t.event_key)
        and b.definition_id = t.definition_id and b.edition <= t.edition and b.verdict = 'counted'
        and (e.per = 'contact' or coalesce(b.object_id, '') = e.object_key)
    order by b.occurred_at desc, b.event_key desc
    limit 1) before on true
left join lateral (
    select b.occurred_at from timeline b
    where t.verdict = 'cooling_down' and before.occurred_at is null and b.account_id = $1 and b.contact_id = $2
        and b.occurred_at >= t.occurred_at and b.occurred_at < t.occurred_at + e.span
        and (t.settled or b.settled or b.edition < t.edition)
        and b.definition_id = t.definition_id and b.edition <= t.edition and b.verdict = 'counted'
        and (e.per = 'contact' or coalesce(b.object_id, '') = e.object_key)
    order by b.occurred_at, b.event_key
    limit 1) after on true
order by t.occurred_at desc, t.event_key desc, t.definition_id desc;

-- name: adjustments
-- A contact's adjustments under a profile before ($3, $4, $5), newest first, from $6 on, in these groups if given
-- (adjustments_client_key_by_id). $8: in place of the event key, so that entries and adjustments have one order.
select id, created_at, group_id, points, reason, author
from adjustments
where contact_id = $1 and profile_id = $2 and created_at >= $6 and (created_at, $8::bytea, id) < ($3, $4, $5)
    and ($7::int[] is null or group_id = any($7))
order by created_at desc, id desc
limit $9;

-- name: tallies
-- How often each definition has counted for a contact, under all its editions (dedup_keys_pkey).
select definition_id, sum(count)::bigint as count from dedup_keys where contact_id = $1 group by definition_id;

-- name: counted_before
-- How many of a contact's whole entries count, and how many of those are dated before $3, by definition (timeline_pkey).
select definition_id, count(*) as count, count(*) filter (where occurred_at < $3) as before
from timeline
where account_id = $1 and contact_id = $2 and verdict = 'counted' and purged_at is null
group by definition_id;

-- name: counted
-- How many of a contact's whole entries count, by definition and quarter of an hour (timeline_pkey): days of all time zones
-- begin with one, and Postgres may have other time zones than Python.
select date_bin('15 minutes', occurred_at, timestamptz '2000-01-01Z') as quarter, definition_id, count(*) as count
from timeline
where account_id = $1 and contact_id = $2 and verdict = 'counted' and purged_at is null
group by quarter, definition_id;
