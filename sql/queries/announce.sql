-- Telling of scores outside a batch: after a publish, an adjustment, or once more for a new reader.

-- name: lock_contacts
-- Locks these contacts in the order of their numbers, as a batch does; what hangs on them is read afterwards.
select id from contacts where id = any($1::bigint[]) order by id for no key update

-- name: has_moved
-- Tells whether what was said last of a contact in a profile is not what stands: a publish was not told of yet.
select coalesce(a.overall, 0) <> o.points or exists (
    select from counters g
    left join scores s on s.contact_id = $1 and s.profile_id = $2 and s.version = p.published_version
        and s.group_id = g.group_id
    where g.account_id = p.account_id and coalesce((a.groups ->> g.key)::bigint, 0) <> coalesce(s.points, 0))
from profiles p
join scores o on o.contact_id = $1 and o.profile_id = $2 and o.version = p.published_version and o.group_id = 0
left join announcements a on a.contact_id = $1 and a.profile_id = $2
where p.id = $2

-- name: tell
-- Tells the standing scores of these contacts ($1) in these profiles ($2), under the next version of each: of those
-- that moved with the causes $3, of the others with $4; without a cause there is no message.
--
-- Everybody ever seen has an overall score; who was never told of is told of for the first time. `previous` is what was
-- told last, so that the chain of messages holds whoever comes first. Groups are those of the catalog, and those that
-- were told of and are no longer there.
with standing as materialized (
    select a.key as account, c.id as contact_id, c.external_id, c.shard, p.id as profile_id, p.key as profile,
        p.published_version as version, coalesce(t.message_version, 0) + 1 as message_version,
        coalesce(t.overall, 0) as overall_before, o.points as overall, coalesce(g.groups, '{}') as groups,
        coalesce(g.shown, '{}') as groups_shown,
        case when g.moved or o.points <> coalesce(t.overall, 0) then $3::text[] else $4::text[] end as causes
    from contacts c
    join accounts a on a.id = c.account_id
    join profiles p on p.account_id = c.account_id and p.id = any($2::int[])
    join scores o on o.contact_id = c.id and o.profile_id = p.id and o.version = p.published_version
        and o.group_id = 0
    left join announcements t on t.contact_id = c.id and t.profile_id = p.id
    cross join lateral (
        select jsonb_object_agg(key, current) filter (where id is not null) as groups,
            json_object_agg(key, json_build_object('previous', previous, 'current', current) order by position, id)
                as shown,
            bool_or(previous <> current) as moved
        from (
            select g.key, g.position, g.group_id as id, coalesce((t.groups ->> g.key)::bigint, 0) as previous,
                coalesce(s.points, 0) as current
            from counters g
            left join scores s on s.contact_id = c.id and s.profile_id = p.id and s.version = p.published_version
                and s.group_id = g.group_id
            where g.account_id = c.account_id
            union all
            select gone.key, null, null, gone.points::bigint, 0
            from jsonb_each_text(t.groups) as gone(key, points)
            where gone.points <> '0' and not exists (
                select from counters g where g.account_id = c.account_id and g.key = gone.key)
        ) every_group
    ) g
    where c.id = any($1::bigint[])
),
told as materialized (
    select * from standing where cardinality(causes) > 0
),
announced as (
    insert into announcements as a (contact_id, profile_id, message_version, profile_version, overall, groups)
    select contact_id, profile_id, message_version, version, overall, groups from told
    order by contact_id, profile_id
    on conflict (contact_id, profile_id) do update
    set message_version = excluded.message_version, profile_version = excluded.profile_version,
        overall = excluded.overall, groups = excluded.groups
    returning 1
),
message as materialized (
    select s.shard, s.contact_id, s.profile_id, concat_ws(':', s.account, s.profile, s.external_id) as key,
        json_build_object(
            'specversion', '1.0',
            'id', concat_ws(':', i.incarnation, s.account, s.profile, s.external_id, s.message_version),
            'source', '/engagement', 'type', 'engagement.score.changed', 'time', rfc3339(now()),
            'subject', s.external_id, 'accountid', s.account, 'datacontenttype', 'application/json',
            'data', json_build_object(
                'profile', s.profile, 'profile_version', s.version, 'version', s.message_version,
                'causes', to_json(s.causes),
                'overall', json_build_object('previous', s.overall_before, 'current', s.overall),
                'groups', s.groups_shown, 'events', json_build_array(), 'event_count', 0))::text as payload
    from told s cross join installation i
),
-- The heads are taken last and held to the commit, as in a batch.
done as materialized (
    select count(*) from announced
),
posted as (
    insert into outbox (shard, first_position, kinds, keys, payloads, committed_at)
    select shard, take_positions(shard, messages), kinds, keys, payloads, clock_timestamp()
    from (
        select m.shard, count(*) as messages, array_agg('score_changed'::message_kind) as kinds,
            array_agg(m.key order by m.contact_id, m.profile_id) as keys,
            array_agg(m.payload order by m.contact_id, m.profile_id) as payloads
        from message m cross join done
        group by m.shard
        order by m.shard
    ) by_shard
    returning cardinality(kinds) as messages
)
select coalesce(sum(messages), 0)::bigint as messages from posted

-- name: backlog
-- How many messages wait to be published.
select (coalesce(sum(h.head - f.floor), 0))::bigint as messages
from outbox_heads h join relay_floors f using (shard)
