-- name: account
-- The account whose scores are sent again.
select id from accounts where key = $1

-- name: profiles
-- Its profiles that readers see, one or all.
select id from profiles
where account_id = $1 and published_version is not null and ($2::text is null or key = $2)
order by id

-- name: contacts_count
-- How many contacts there are to send.
select count(*) from contacts where account_id = $1

-- name: contacts
-- The next contacts by the id they are known by: served by contacts_external_id_unique.
select id, external_id from contacts
where account_id = $1 and external_id > $2
order by external_id
limit $3

-- name: lock_contacts
-- Locks these contacts in the order of their numbers, as a batch does; what hangs on them is read afterwards.
select id from contacts where id = any($1::bigint[]) order by id for no key update

-- name: send
-- Tells the standing scores of these contacts in these profiles once more, under the next version of each.
--
-- Everybody ever seen has an overall score; who was never told of is told of for the first time. `previous` is
-- what was told last, so that the chain of messages holds even where a publish has not been told of yet.
with standing as materialized (
    select a.key as account, c.id as contact_id, c.external_id, c.shard, p.id as profile_id, p.key as profile,
        p.published_version as version, coalesce(t.message_version, 0) + 1 as message_version,
        coalesce(t.overall, 0) as overall_before, o.points as overall,
        coalesce(jsonb_object_agg(g.key, coalesce(s.points, 0)) filter (where g.id is not null), '{}') as groups,
        bool_or(coalesce((t.groups ->> g.key)::bigint, 0) <> coalesce(s.points, 0)) as moved,
        coalesce(json_object_agg(g.key, json_build_object(
            'previous', coalesce((t.groups ->> g.key)::bigint, 0),
            'current', coalesce(s.points, 0)) order by g.position, g.id) filter (where g.id is not null), '{}')
            as groups_shown
    from contacts c
    join accounts a on a.id = c.account_id
    join profiles p on p.account_id = c.account_id and p.id = any($2::int[])
    join scores o on o.contact_id = c.id and o.profile_id = p.id and o.version = p.published_version
        and o.group_id = 0
    left join groups g on g.account_id = c.account_id
    left join scores s on s.contact_id = c.id and s.profile_id = p.id and s.version = p.published_version
        and s.group_id = g.id
    left join announcements t on t.contact_id = c.id and t.profile_id = p.id
    where c.id = any($1::bigint[])
    group by a.key, c.id, p.id, t.message_version, t.overall, o.points
),
announced as (
    insert into announcements as a (contact_id, profile_id, message_version, profile_version, overall, groups)
    select contact_id, profile_id, message_version, version, overall, groups from standing
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
                'causes', case when s.moved or s.overall <> s.overall_before
                    then json_build_array('publish', 'republish') else json_build_array('republish') end,
                'overall', json_build_object('previous', s.overall_before, 'current', s.overall),
                'groups', s.groups_shown, 'events', json_build_array(), 'event_count', 0))::text as payload
    from standing s cross join installation i
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
