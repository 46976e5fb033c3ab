-- Score-changed messages outside a batch: after a publish, adjustment or rejudgement, or once more for a new consumer.

-- name: lock_contacts
-- Locks these contacts in the order of their numbers, as a batch does; a later statement reads their scores.
select id from contacts where id = any($1::bigint[]) order by id for no key update

-- name: enqueue_score_messages
-- Enqueues a message for each of these contacts ($1) and profiles ($2) of which a shown score, or a band, differs from the last
-- one announced, or for all ($4), under the next message version of each; and one for each band that differs. Causes:
-- `publish`, if the contact's flip is not announced yet, then $3, where the transaction has changed what is shown or $4 is set.
--
-- Deltas come in as columns (consumer/infra/postgres/column_params.py): contacts ($5), profiles ($6), groups ($7, 0:
-- overall) and what this transaction has added to the sums under the published version ($8). The sums announced last are
-- the current ones without the deltas; or, while the published version is not announced to the contact, those under the
-- version before, of which its own frames decide what was shown. Every contact ever seen has an overall score; its first
-- message has previous = 0, and the band of 0 under the published version. The message version is written to the overall
-- score of the published version.
with delta as materialized (
    select * from rows from (unnest($5::text::bigint[]), unnest($6::text::int[]), unnest($7::text::int[]),
                             unnest($8::text::bigint[])) as s(contact_id, profile_id, group_id, points)
),
candidate as materialized (
    select a.id as account_id, a.key as account, c.id as contact_id, c.external_id,
        c.shard % (select shards from installation) as shard, p.id as profile_id,
        p.key as profile, p.published_version as version,
        -- A chain that has ended while the profile was archived goes on as well.
        coalesce(n.message_version, (
            select message_version from ended_chains e where e.contact_id = c.id and e.profile_id = p.id), 0)
            as message_version,
        n.announced_version is not distinct from p.published_version as is_announced, g.groups,
        g.previous, g.current, g.bands, g.has_frames, g.differs, g.by_delta, g.by_publish,
        array_to_string(array[case when g.by_publish then 'publish' end, case when g.by_delta or $4 then $3::text end], ',')
            as causes
    from unnest($1::bigint[]) as one(id)
    cross join lateral ( -- `offset 0`: by key, never the contacts of an account as a whole
        select id, account_id, external_id, shard from contacts c where c.id = one.id offset 0) c
    join accounts a on a.id = c.account_id
    join profiles p on p.account_id = c.account_id and p.id = any($2::int[])
    cross join lateral (
        select bool_or(s.version = p.published_version) as has_score, max(s.message_version) as message_version,
            max(s.version) filter (where s.message_version is not null) as announced_version
        from contact_scores s
        where s.contact_id = c.id and s.profile_id = p.id and s.version <= p.published_version
        offset 0) n
    cross join lateral ( -- where there are none, groups are not looked up one by one
        select exists (
            select from version_groups f
            where f.profile_id = p.id and f.version in (p.published_version, n.announced_version)) as any_frames
        offset 0) h
    cross join lateral ( -- the row under the version before goes on from a chain that has ended (ended_chains_pkey)
        select h.any_frames and n.announced_version < p.published_version and exists (
            select from ended_chains e
            where e.contact_id = c.id and e.profile_id = p.id and e.message_version = n.message_version) as nothing_since
        offset 0) e
    cross join lateral (
        select array_agg(group_id order by group_id) as groups, array_agg(previous order by group_id) as previous,
            array_agg(current order by group_id) as current,
            string_agg(format('%s:%s:%s', group_id, band_previous, band_current), ',' order by group_id)
                filter (where band_current is not null) as bands,
            bool_or(has_frame) as has_frames,
            bool_or(current <> previous or band_current <> coalesce(band_previous, '')) as differs,
            bool_or(current <> stood or band_current <> band_stood) as by_delta,
            bool_or(stood <> previous or band_stood <> coalesce(band_previous, '')) as by_publish
        from (
            select group_id, has_frame, previous, stood, current, band_of(stood, band_keys, band_least) as band_stood,
                band_of(current, band_keys, band_least) as band_current,
                -- Null where the version before had no bands; of a first message, after a tombstone too, of 0.
                case when n.announced_version is null or e.nothing_since then band_of(0, band_keys, band_least)
                     else band_of(previous, keys_before, least_before) end as band_previous
            from (
                select s.group_id, f.group_id is not null or b.group_id is not null as has_frame, f.band_keys, f.band_least,
                    b.band_keys as keys_before, b.band_least as least_before,
                    shown_points(s.current, f.floor, f.cap) as current,
                    shown_points(s.current - s.delta, f.floor, f.cap) as stood,
                    case when n.announced_version = p.published_version
                         then shown_points(s.current - s.delta, f.floor, f.cap)
                         else shown_points(s.older, b.floor, b.cap) end as previous
                from (
                    select group_id, sum(current)::bigint as current, sum(delta)::bigint as delta, sum(older)::bigint as older
                    from (
                        select s.group_id, case when s.version = p.published_version then s.points else 0 end as current,
                            case when s.version < p.published_version and n.announced_version is not null then s.points
                                 else 0 end as older,
                            0 as delta
                        from scores s
                        where s.contact_id = c.id and s.profile_id = p.id and s.version <= p.published_version
                        union all
                        select d.group_id, 0, 0, d.points from delta d where d.contact_id = c.id and d.profile_id = p.id
                        union all -- every contact is in a band of each group that has some
                        select group_id, 0, 0, 0 from version_groups f
                        where h.any_frames and f.profile_id = p.id and f.version = p.published_version
                            and f.band_keys is not null
                    ) s
                    group by group_id
                ) s
                left join lateral (
                    select group_id, floor, cap, band_keys, band_least from version_groups f
                    where h.any_frames and f.profile_id = p.id and f.version = p.published_version
                        and f.group_id = s.group_id
                    offset 0) f on true
                left join lateral (
                    select group_id, floor, cap, band_keys, band_least from version_groups b
                    where h.any_frames and b.profile_id = p.id and b.version = n.announced_version
                        and b.group_id = s.group_id
                    offset 0) b on true
            ) shown
        ) by_group
        offset 0) g
    where n.has_score
),
due as materialized (
    select * from candidate where (differs or $4) and causes <> ''
),
write_message_versions as (
    update contact_scores s
    set message_version = n.message_version
    from (
        select s.place, c.message_version + (d.contact_id is not null)::int as message_version
        from candidate c
        left join due d using (contact_id, profile_id)
        cross join lateral (
            select ctid as place from contact_scores s
            where s.contact_id = c.contact_id and s.profile_id = c.profile_id and s.version = c.version
            offset 0) s
        where d.contact_id is not null or (not c.is_announced and c.message_version > 0)
    ) n
    where s.ctid = n.place
    returning 1
),
account_groups as materialized (
    select coalesce(json_object_agg(a.account, g.groups), '{}')::text as groups
    from (select distinct account_id, account from due) a
    cross join lateral (select groups from groups_told g where g.account_id = a.account_id offset 0) g
),
-- Facts in the order in which consumer/relay/message_json.py takes them apart; of versions with frames in format 2.
message as materialized (
    select shard, contact_id, profile_id, 'score_changed'::message_kind as kind, 0 as axis,
        case when has_frames
             then concat_ws(E'\x1f', E'\x1c2', account, external_id, profile, version, message_version + 1, causes, groups,
                            previous, current, coalesce(bands, ''), 0, '')
             else concat_ws(E'\x1f', account, external_id, profile, version, message_version + 1, causes, groups, previous,
                            groups, current, '', '', 0) end as facts
    from due
    union all
    select d.shard, d.contact_id, d.profile_id, 'band_changed'::message_kind, b.axis + 1,
        concat_ws(E'\x1f', d.account, d.external_id, d.profile, d.version, d.message_version + 1, d.causes, b.axis,
                  d.previous[array_position(d.groups, b.axis)], d.current[array_position(d.groups, b.axis)],
                  b.before, b.after, coalesce(to_json(f.name)::text, 'null'), coalesce(to_json(f.owner)::text, 'null'), '')
    from due d
    cross join lateral (
        select split_part(one, ':', 1)::int as axis, split_part(one, ':', 2) as before, split_part(one, ':', 3) as after
        from string_to_table(d.bands, ',') as one) b
    cross join lateral (
        select max(value) filter (where field = 'name') as name, max(value) filter (where field = 'owner') as owner
        from contact_fields f where f.contact_id = d.contact_id and f.field in ('name', 'owner')
        offset 0) f
    where b.before <> b.after
),
-- The heads are taken last and held to the commit, as in a batch.
written as materialized (
    select count(*) from write_message_versions
),
write_outbox as (
    insert into outbox (shard, first_position, kinds, facts, groups, committed_at)
    select shard, take_positions(shard, messages), kinds, facts, (select groups from account_groups), clock_timestamp()
    from (
        select m.shard, count(*) as messages, array_agg(m.kind order by m.contact_id, m.profile_id, m.axis) as kinds,
            array_agg(m.facts order by m.contact_id, m.profile_id, m.axis) as facts
        from message m cross join written
        group by m.shard
        order by m.shard
    ) by_shard
    returning cardinality(kinds) as messages
)
select coalesce(sum(messages), 0)::bigint as messages from write_outbox

-- name: unpublished_messages
-- How many messages wait to be published.
select (coalesce(sum(h.head - f.floor), 0))::bigint as messages
from outbox_heads h join relay_floors f using (shard)
