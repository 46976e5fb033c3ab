-- Contacts by score and by last event, one by one and in lists. The statements of one request share a snapshot.

-- name: view
-- One row: a profile of an account, by key or the primary one (profiles_key_unique), its account's time zone (accounts_pkey),
-- the account's groups in display order, deleted ones last (groups_key_unique), as JSON, and the frames of the version that readers
-- see (version_groups_pkey), null if all are plain; of version $5, if that is given: one that readers see or saw
-- (profile_versions_pkey). With $4 the definitions in display order too (definitions_key_unique), with
-- weight and group under that version (version_weights_pkey); one that the version does not have counts 0, in its group of the
-- catalog. And the contact with the external id $3 (contacts_external_id_unique), of one that was joined to another the survivor
-- (contacts_pkey), and whether it has adjustments (adjustments_client_key_by_id).
select v.*, known.id as contact_id, known.external_id,
    exists (select from adjustments d where d.contact_id = known.id and d.profile_id = v.id) as is_adjusted
from (values (1)) one (row)
left join lateral (
    select p.id, p.key, p.published_version, shown.version, p.archived, a.time_zone,
        (select json_agg(json_build_array(g.id, g.key, g.name, g.deleted) order by g.deleted, g.position, g.id)
         from groups g where g.account_id = $1) as groups,
        (select json_agg(json_build_array(f.group_id, f.floor, f.cap, f.apart, f.band_keys, f.band_least))
         from version_groups f where f.profile_id = p.id and f.version = shown.version) as frames,
        case when $4::boolean then (
            select json_agg(json_build_array(d.id, d.key, d.name, d.icon, coalesce(w.weight, 0),
                coalesce(w.group_id, d.group_id)) order by d.position, d.id)
            from definitions d
            left join lateral (
                select weight, group_id from version_weights w
                where w.profile_id = p.id and w.version = shown.version and w.definition_id = d.id
                offset 0) w on true
            where d.account_id = $1) end as definitions
    from profiles p
    join accounts a on a.id = p.account_id
    cross join lateral (
        select case when $5::int is null then p.published_version else (
            select s.version from profile_versions s
            where s.profile_id = p.id and s.version = $5 and s.state in ('published', 'retired')) end as version
        offset 0) shown
    where p.account_id = $1 and case when $2::text is null then p.is_primary else p.key = $2 end
    offset 0) v on true
left join lateral (
    select id, external_id, survivor_id from contacts c where c.account_id = $1 and c.external_id = $3::text offset 0) named
    on true
left join lateral (
    select id, external_id from contacts c where c.id = named.survivor_id offset 0) survivor on true
cross join lateral (
    select coalesce(survivor.id, named.id) as id, coalesce(survivor.external_id, named.external_id) as external_id) known;

-- name: groups
-- Groups of an account in display order, deleted ones last (groups_key_unique).
select id, key, name, deleted from groups where account_id = $1 order by deleted, position, id;

-- name: owned
-- Contacts of an owner, by number, at most $3 (contact_fields_by_owner).
select contact_id
from contact_fields
where account_id = $1 and field = 'owner' and left(value, 256) = left($2::text, 256) and value = $2
limit $3;

-- name: found
-- Contacts with a name or e-mail that has the words of $2 (contact_fields_by_word), and those whose id, or one that was joined
-- to theirs, begins with it (contacts_by_prefix); at most $3 of each, by number, some twice.
(select contact_id
from contact_fields
where field in ('name', 'email') and search_words(account_id, value) @@ search_query($1, $2::text)
limit $3)
union all
(select coalesce(survivor_id, id)
from contacts
where account_id = $1 and lower(left(external_id, 64)) ~>=~ lower(left($2::text, 64))
    and lower(left(external_id, 64)) ~<=~ (lower(left($2::text, 64)) || U&'\+10FFFF')
    and starts_with(lower(external_id), lower($2::text))
limit $3);

-- name: ranged
-- Contacts with points in a range of a group, by number, at most $6 (ranks_pkey).
select contact_id
from ranks
where profile_id = $1 and version = $2 and group_id = $3 and points between $4 and $5
limit $6;

-- name: counted
-- How many contacts have points from $4 to $5 in a group, counted up to $6 (ranks_pkey), and pass what list_totals.py puts in.
select count(*)
from (
    select s.contact_id from ranks s
    where s.profile_id = $1 and s.version = $2 and s.group_id = $3 and s.points between $4 and $5
    /* and conditions */
    limit $6) counted;

-- name: in_ranges
-- How many contacts have points from $4 to $5 in a group ($3): for each range, in turn (ranks_pkey).
select n.contacts
from unnest($3::int[], $4::bigint[], $5::bigint[]) with ordinality as asked(group_id, least, most, place)
cross join lateral (
    select count(*) as contacts from ranks s
    where s.profile_id = $1 and s.version = $2 and s.group_id = asked.group_id
        and s.points between asked.least and asked.most) n
order by asked.place;

-- name: ends
-- The least and the most points in a group ($3), and those of the contacts after the first and before the last $4 (ranks_pkey).
select
    (select points from ranks where profile_id = $1 and version = $2 and group_id = $3
     order by points, contact_id limit 1) as least,
    (select points from ranks where profile_id = $1 and version = $2 and group_id = $3
     order by points, contact_id offset $4 limit 1) as low,
    (select points from ranks where profile_id = $1 and version = $2 and group_id = $3
     order by points desc, contact_id desc offset $4 limit 1) as high,
    (select points from ranks where profile_id = $1 and version = $2 and group_id = $3
     order by points desc, contact_id desc limit 1) as most;

-- name: counted_among
-- The same among few contacts ($7), each looked up for its points (contact_scores_pkey).
select count(*)
from unnest($7::bigint[]) as few(contact_id)
cross join lateral (
    select s.contact_id from scores s
    where s.contact_id = few.contact_id and s.profile_id = $1 and s.version = $2 and s.group_id = $3
        and s.points between $4 and $5
    offset 0) s
where $6 > 0
    /* and conditions */;

-- name: walk_descending
-- Contacts from the most points in a group ($3, 0: overall) down to $4, after ($5, $6), in index order (ranks_pkey). There is one
-- upper bound only: with two the scan might begin at the wrong one. list_query.py puts in what else is asked of each contact.
select s.contact_id, s.points
from ranks s
where s.profile_id = $1 and s.version = $2 and s.group_id = $3 and s.points >= $4
    and (s.points, s.contact_id) < ($5, $6)
    /* and conditions */
order by s.points desc, s.contact_id desc
limit $7;

-- name: walk_ascending
-- The same from the least points up to $4 (ranks_pkey).
select s.contact_id, s.points
from ranks s
where s.profile_id = $1 and s.version = $2 and s.group_id = $3 and s.points <= $4
    and (s.points, s.contact_id) > ($5, $6)
    /* and conditions */
order by s.points, s.contact_id
limit $7;

-- name: among
-- The same among few contacts ($8), in either direction ($9: ascending), each looked up for its points (contact_scores_pkey).
select s.contact_id, s.points
from unnest($8::bigint[]) as few(contact_id)
cross join lateral (
    select s.contact_id, s.points from scores s
    where s.contact_id = few.contact_id and s.profile_id = $1 and s.version = $2 and s.group_id = $3
    offset 0) s
where case when $9 then s.points <= $4 else s.points >= $4 end
    and case when $9 then (s.points, s.contact_id) > ($5, $6) else (s.points, s.contact_id) < ($5, $6) end
    /* and conditions */
order by case when $9 then s.points else -s.points end, case when $9 then s.contact_id else -s.contact_id end
limit $7;

-- name: recent_descending
-- Contacts in the order of their last events, the latest first, after ($2, $3). Of 256 entries in index order (timeline_by_time),
-- and others of the last one's instant and contact, the latest of each contact, unless it has one after that (timeline_pkey).
-- The row that is no contact says where to go on; without it nothing is left. recent_contacts.py puts in another number: a parameter would be
-- planned for a tenth of the timeline.
with scanned as materialized (
    select t.occurred_at, t.contact_id, t.event_key, t.definition_id,
        t.verdict <> 'excluded' and t.purged_at is null as is_event
    from timeline t
    where t.account_id::bigint = $1::bigint and (t.occurred_at, t.contact_id) < ($2::timestamptz, $3::bigint)
    order by t.occurred_at desc, t.contact_id desc
    fetch first 256 rows with ties
),
latest as (
    select distinct on (contact_id) occurred_at, contact_id, event_key, definition_id
    from scanned
    where is_event
    order by contact_id, occurred_at desc, event_key desc, definition_id desc
),
listed as (
    select s.occurred_at, s.contact_id
    from latest s
    where not exists (
        select from timeline later
        where later.account_id = $1::integer and later.contact_id = s.contact_id and later.occurred_at >= s.occurred_at
            and (later.occurred_at, later.event_key, later.definition_id) > (s.occurred_at, s.event_key, s.definition_id)
            and later.verdict <> 'excluded' and later.purged_at is null
        offset 0)
    /* and conditions */
)
(select true as is_contact, occurred_at, contact_id from listed order by occurred_at desc, contact_id desc)
union all
(select false, occurred_at, contact_id from scanned where (select count(*) from scanned) >= 256
order by occurred_at, contact_id limit 1);

-- name: recent_ascending
-- The same, the earliest first (timeline_by_time, timeline_pkey).
with scanned as materialized (
    select t.occurred_at, t.contact_id, t.event_key, t.definition_id,
        t.verdict <> 'excluded' and t.purged_at is null as is_event
    from timeline t
    where t.account_id::bigint = $1::bigint and (t.occurred_at, t.contact_id) > ($2::timestamptz, $3::bigint)
    order by t.occurred_at, t.contact_id
    fetch first 256 rows with ties
),
latest as (
    select distinct on (contact_id) occurred_at, contact_id, event_key, definition_id
    from scanned
    where is_event
    order by contact_id, occurred_at desc, event_key desc, definition_id desc
),
listed as (
    select s.occurred_at, s.contact_id
    from latest s
    where not exists (
        select from timeline later
        where later.account_id = $1::integer and later.contact_id = s.contact_id and later.occurred_at >= s.occurred_at
            and (later.occurred_at, later.event_key, later.definition_id) > (s.occurred_at, s.event_key, s.definition_id)
            and later.verdict <> 'excluded' and later.purged_at is null
        offset 0)
    /* and conditions */
)
(select true as is_contact, occurred_at, contact_id from listed order by occurred_at, contact_id)
union all
(select false, occurred_at, contact_id from scanned where (select count(*) from scanned) >= 256
order by occurred_at desc, contact_id desc limit 1);

-- name: recent_among
-- Of few contacts ($4) those with a last event (timeline_pkey) after ($2, $3), in its order; $5: the earliest first.
select s.contact_id, s.occurred_at
from unnest($4::bigint[]) as few(contact_id)
cross join lateral (
    select few.contact_id, t.occurred_at from timeline t
    where t.account_id = $1 and t.contact_id = few.contact_id and t.verdict <> 'excluded' and t.purged_at is null
    order by t.occurred_at desc
    limit 1) s
where case when $5 then (s.occurred_at, s.contact_id) > ($2, $3) else (s.occurred_at, s.contact_id) < ($2, $3) end
    /* and conditions */
order by case when $5 then s.occurred_at end, case when $5 then s.contact_id end, s.occurred_at desc, s.contact_id desc
limit $6;

-- name: shown
-- Contacts of an account ($2) in the order of the given numbers, as they are shown: external ids (contacts_pkey), fields
-- (contact_fields_pkey), points by group under a version (contact_scores_pkey), and when the last event was (timeline_pkey) and
-- under which definition (definitions_pkey). Columns as they are stored: as JSON they cost twice as much, here and where they are
-- read.
select c.id, c.external_id, c.created_at, f.name, f.owner, f.email, f.tags, s.overall, s.group_ids, s.group_points,
    t.occurred_at as last_event_at, d.key as last_definition, d.name as last_name, d.icon as last_icon
from unnest($1::bigint[]) with ordinality as asked(id, place)
cross join lateral (select id, external_id, created_at from contacts c where c.id = asked.id offset 0) c
cross join lateral (
    select max(value) filter (where field = 'name') as name, max(value) filter (where field = 'owner') as owner,
        max(value) filter (where field = 'email') as email, max(value) filter (where field = 'tags') as tags
    from contact_fields f where f.contact_id = c.id) f
left join lateral (
    select overall, group_ids, group_points from contact_scores s
    where s.contact_id = c.id and s.profile_id = $3 and s.version = $4 offset 0) s on true
left join lateral (
    select occurred_at, definition_id from timeline t
    where t.account_id = $2 and t.contact_id = asked.id and t.verdict <> 'excluded' and t.purged_at is null
    order by t.occurred_at desc
    limit 1) t on true
left join lateral (
    select key, name, icon from definitions d where d.id = t.definition_id offset 0) d on true
order by asked.place;

-- name: last_event
-- When the last event of a contact ($2) of an account was, if it has one (timeline_pkey).
select occurred_at from timeline t
where t.account_id = $1 and t.contact_id = $2 and t.verdict <> 'excluded' and t.purged_at is null
order by t.occurred_at desc
limit 1;

-- name: recent_points
-- What contacts ($2) of an account have gained and lost since $5, and of it since $6, by profile ($3, under the version in $4)
-- and group: by whole entries that count (timeline_pkey), weighted (version_weights_pkey), and adjustments
-- (adjustments_client_key_by_id).
select asked.id as contact_id, p.profile_id, p.group_id, sum(p.since_first)::bigint as since_first,
    sum(p.since_second)::bigint as since_second
from unnest($2::bigint[]) as asked(id)
cross join lateral (
    select v.profile_id, w.group_id, e.since_first * w.weight as since_first, e.since_second * w.weight as since_second
    from (
        select t.definition_id, count(*) as since_first, count(*) filter (where t.occurred_at >= $6) as since_second
        from timeline t
        where t.account_id = $1 and t.contact_id = asked.id and t.occurred_at >= $5 and t.verdict = 'counted'
            and t.purged_at is null
        group by t.definition_id) e
    cross join rows from (unnest($3::int[]), unnest($4::int[])) as v(profile_id, version)
    cross join lateral (
        select w.weight, w.group_id from version_weights w
        where w.profile_id = v.profile_id and w.version = v.version and w.definition_id = e.definition_id
        offset 0) w
    union all
    select a.profile_id, a.group_id, a.points, case when a.created_at >= $6 then a.points else 0 end
    from adjustments a
    where a.contact_id = asked.id and a.profile_id = any($3) and a.created_at >= $5) p
group by 1, 2, 3;

-- name: recent_days
-- What contacts ($2) of an account have gained and lost under a version ($3, $4) since $5, by group and by how many whole times 24
-- hours before $6: as in recent_points (timeline_pkey, version_weights_pkey, adjustments_client_key_by_id).
select asked.id as contact_id, p.days_ago, p.group_id, sum(p.points)::bigint as points
from unnest($2::bigint[]) as asked(id)
cross join lateral (
    select e.days_ago, w.group_id, e.times * w.weight as points
    from (
        select t.definition_id, greatest(floor(extract(epoch from $6 - t.occurred_at) / 86400), 0)::int as days_ago,
            count(*) as times
        from timeline t
        where t.account_id = $1 and t.contact_id = asked.id and t.occurred_at > $5 and t.verdict = 'counted'
            and t.purged_at is null
        group by 1, 2) e
    cross join lateral (
        select w.weight, w.group_id from version_weights w
        where w.profile_id = $3 and w.version = $4 and w.definition_id = e.definition_id
        offset 0) w
    union all
    select greatest(floor(extract(epoch from $6 - a.created_at) / 86400), 0)::int, a.group_id, a.points
    from adjustments a
    where a.contact_id = asked.id and a.profile_id = $3 and a.created_at > $5) p
group by 1, 2, 3;

-- name: resolve
-- Numbers and external ids of contacts by external id, in the given order, null where there is none
-- (contacts_external_id_unique); of one that was joined to another, the survivor's (contacts_pkey).
select known.id, known.external_id
from unnest($2::text[]) with ordinality as asked(external_id, place)
left join lateral (
    select id, survivor_id from contacts c where c.account_id = $1 and c.external_id = asked.external_id offset 0) named
    on true
left join lateral (
    select id, external_id from contacts c where c.id = coalesce(named.survivor_id, named.id) offset 0) known on true
order by asked.place;

-- name: looked_up
-- Contacts by external id, in the given order, null where there is none (contacts_external_id_unique), of one that was joined
-- to another the survivor (contacts_pkey): name and owner (contact_fields_pkey), points by group under a version
-- (contact_scores_pkey). Columns as they are stored: 200 contacts as JSON cost the database twice as much. The first row has
-- the profile too, as `view` reads it: one statement is a snapshot without a transaction. No row: there is no such profile.
with viewed as materialized (
    select p.id, p.key, p.published_version as version, p.archived, a.time_zone,
        (select json_agg(json_build_array(g.id, g.key, g.name, g.deleted) order by g.deleted, g.position, g.id)
         from groups g where g.account_id = $1) as groups,
        (select json_agg(json_build_array(f.group_id, f.floor, f.cap, f.apart, f.band_keys, f.band_least))
         from version_groups f where f.profile_id = p.id and f.version = p.published_version) as frames
    from profiles p
    join accounts a on a.id = p.account_id
    where p.account_id = $1 and case when $3::text is null then p.is_primary else p.key = $3 end)
select case when asked.place = 1 then row_to_json(v) end as view, known.id, known.external_id,
    f.name, f.owner, s.overall, s.group_ids, s.group_points
from viewed v
cross join unnest($2::text[]) with ordinality as asked(external_id, place)
left join lateral (
    select id, external_id, survivor_id from contacts c
    where c.account_id = $1 and c.external_id = asked.external_id offset 0) named on true
left join lateral (
    select id, external_id from contacts c where c.id = named.survivor_id offset 0) survivor on true
cross join lateral (
    select coalesce(survivor.id, named.id) as id, coalesce(survivor.external_id, named.external_id) as external_id) known
cross join lateral (
    select max(value) filter (where field = 'name') as name, max(value) filter (where field = 'owner') as owner
    from contact_fields f where f.contact_id = known.id) f
left join lateral (
    select overall, group_ids, group_points from contact_scores s
    where s.contact_id = known.id and s.profile_id = v.id and s.version = v.version offset 0) s on true
order by asked.place;

-- name: about
-- When a contact was created, by number (contacts_pkey), and its fields (contact_fields_pkey), as JSON.
select created_at,
    (select jsonb_object_agg(f.field, f.value)::text from contact_fields f where f.contact_id = c.id) as fields
from contacts c
where id = $1;

-- name: by_profile
-- A contact's sums by group under all published profiles (profiles_key_unique, contact_scores_pkey), as JSON, and the frames of
-- those as in `view` (version_groups_pkey).
select p.id, p.key, p.name, p.is_primary, p.published_version as version,
    (select jsonb_object_agg(s.group_id, s.points)::text from scores s
     where s.contact_id = $2 and s.profile_id = p.id and s.version = p.published_version) as points,
    (select json_agg(json_build_array(f.group_id, f.floor, f.cap, f.apart, f.band_keys, f.band_least))
     from version_groups f where f.profile_id = p.id and f.version = p.published_version) as frames
from profiles p
where p.account_id = $1 and p.published_version is not null
order by p.position, p.id;
