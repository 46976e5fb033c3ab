-- Telling of scores outside a batch: after a publish, an adjustment, or once more for a new reader.

-- name: lock_contacts
-- Locks these contacts in the order of their numbers, as a batch does; what hangs on them is read afterwards.
select id from contacts where id = any($1::bigint[]) order by id for no key update

-- name: enqueue_score_messages
-- Tells the standing scores of these contacts ($1) in these profiles ($2), under the next number of each: of those who
-- were told otherwise, and of all if that is asked for ($4). Causes are $3, of those whose scores were changed just now or
-- of all, and before it a publish that nobody has told of yet.
--
-- What was told last is what stood before the change, which comes in as columns (consumer/infra/postgres/column_params.py): contacts ($5),
-- profiles ($6), groups ($7, 0: overall) and points ($8) that were added under the published version. Of a version that
-- nobody has told of, it is what stands under the one before. Everybody ever seen has an overall score; who was never
-- told of is told of for the first time. The number goes with the scores of the version that readers see.
with step as materialized (
    select * from rows from (unnest($5::text::bigint[]), unnest($6::text::int[]), unnest($7::text::int[]),
                             unnest($8::text::bigint[])) as s(contact_id, profile_id, group_id, points)
),
standing as materialized (
    select a.id as account_id, a.key as account, c.id as contact_id, c.external_id, c.shard, p.id as profile_id,
        p.key as profile, p.published_version as version, coalesce(n.message_version, 0) as message_version,
        n.told_version is not distinct from p.published_version as is_told, g.*,
        array_to_string(array[case when g.by_publish then 'publish' end, case when g.stepped or $4 then $3::text end], ',')
            as causes
    from contacts c
    join accounts a on a.id = c.account_id
    join profiles p on p.account_id = c.account_id and p.id = any($2::int[])
    cross join lateral ( -- `+ 0`: by the primary key, not the index that lists are sorted by
        select bool_or(s.version = p.published_version and s.group_id = 0) as is_there,
            max(s.message_version) as message_version,
            max(s.version) filter (where s.message_version is not null) as told_version
        from scores s
        where s.contact_id = c.id and s.profile_id + 0 = p.id and s.version <= p.published_version
        offset 0) n
    cross join lateral (
        select array_agg(group_id) as groups, array_agg(said) as said, array_agg(stands) as stands,
            bool_or(stands <> said) as differs, bool_or(step <> 0) as stepped, bool_or(stands - step <> said) as by_publish
        from (
            select group_id, sum(stands)::bigint as stands, sum(step)::bigint as step,
                sum(case when n.told_version = p.published_version then stands - step else older end)::bigint as said
            from (
                select s.group_id, case when s.version = p.published_version then s.points else 0 end as stands,
                    case when s.version < p.published_version and n.told_version is not null then s.points else 0 end
                        as older,
                    0 as step
                from scores s
                where s.contact_id = c.id and s.profile_id + 0 = p.id and s.version <= p.published_version
                union all
                select s.group_id, 0, 0, s.points from step s where s.contact_id = c.id and s.profile_id = p.id
            ) s
            group by group_id
        ) by_group
        offset 0) g
    where c.id = any($1::bigint[]) and n.is_there
),
told as materialized (
    select * from standing where (differs or $4) and causes <> ''
),
numbered as (
    insert into scores as s (contact_id, profile_id, version, group_id, points, message_version)
    select s.contact_id, s.profile_id, s.version, 0, 0, s.message_version + (t.contact_id is not null)::int
    from standing s
    left join told t using (contact_id, profile_id)
    where t.contact_id is not null or (not s.is_told and s.message_version > 0)
    order by s.contact_id, s.profile_id
    on conflict (contact_id, profile_id, version, group_id) do update set message_version = excluded.message_version
    returning 1
),
grouped as materialized (
    select coalesce(json_object_agg(a.account, g.groups), '{}')::text as groups
    from (select distinct account_id, account from told) a
    cross join lateral (select groups from groups_told g where g.account_id = a.account_id offset 0) g
),
-- Facts in the order in which consumer/relay/message_json.py takes them apart.
message as materialized (
    select shard, contact_id, profile_id,
        concat_ws(E'\x1f', account, external_id, profile, version, message_version + 1, causes, groups, said, groups,
                  stands, '', '', 0) as facts
    from told
),
-- The heads are taken last and held to the commit, as in a batch.
done as materialized (
    select count(*) from numbered
),
posted as (
    insert into outbox (shard, first_position, kinds, facts, groups, committed_at)
    select shard, take_positions(shard, messages), kinds, facts, (select groups from grouped), clock_timestamp()
    from (
        select m.shard, count(*) as messages, array_agg('score_changed'::message_kind) as kinds,
            array_agg(m.facts order by m.contact_id, m.profile_id) as facts
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
