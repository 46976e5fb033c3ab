-- Preview of a publish: the draft compared with the published version over the whole base. Writes nothing.

-- name: lock
-- Locks out other previews of the account until the transaction ends; false if there is one.
select pg_try_advisory_xact_lock($1, id) from accounts where key = $2

-- name: base
-- The numbers of an account and a profile.
select a.id as account_id, p.id as profile_id
from accounts a
join profiles p on p.account_id = a.id and p.key = $2
where a.key = $1

-- name: compare
-- For these contacts ($1): transitions between bins of overall scores, the biggest movers, and the
-- contacts that enter or leave the ranges asked about; preview.py adds the segments. Published scores are tallies ×
-- weights already, so only the difference that a definition makes ($4 to $6: definition, group, points for each time it
-- counted) is computed and added to them. For a profile never published ($3 null) every score is new, adjustments too.
with weight_delta as materialized (
    select * from unnest($4::int[], $5::int[], $6::bigint[]) as m(definition_id, group_id, points)
),
score_delta as materialized (
    select contact_id, case when grouping(group_id) = 0 then group_id else 0 end as group_id,
        sum(points)::bigint as points
    from (
        select t.contact_id, m.group_id, t.count * m.points as points
        from dedup_keys t
        join weight_delta m on m.definition_id = t.definition_id
        where t.contact_id = any($1::bigint[])
        union all
        select a.contact_id, a.group_id, a.points
        from adjustments a
        where $3::int is null and a.profile_id = $2 and a.contact_id = any($1::bigint[])
    ) one
    group by grouping sets ((contact_id, group_id), (contact_id))
    having sum(points) <> 0
),
change as (
    select contact_id, coalesce(sum(points) filter (where group_id = 0), 0)::bigint as points
    from score_delta
    group by contact_id
),
overall as materialized (
    select c.id as contact_id, coalesce(s.overall, 0) as before,
        coalesce(s.overall, 0) + coalesce(h.points, 0) as after, h.contact_id is not null as changes
    from unnest($1::bigint[]) as c(id)
    left join contact_scores s on s.contact_id = c.id and s.profile_id = $2 and s.version = $3
        and s.contact_id = any($1::bigint[])
    left join change h on h.contact_id = c.id
    -- Contacts that were joined to others, or erased, have no scores.
    where case when $3::int is not null then s.contact_id is not null else exists (
        select from contacts k
        where k.id = c.id and k.survivor_id is null and k.external_id is not null
        offset 0) end
),
moved as materialized (
    select contact_id, jsonb_object_agg(group_id, points) as points from score_delta group by contact_id
),
crossing as (
    select r.number, s.contact_id, s.after between r.least and r.most as enters
    from unnest($9::int[], $10::bigint[], $11::bigint[]) with ordinality as r(group_id, least, most, number)
    join lateral (
        select h.contact_id, coalesce(s.points, 0) as before, coalesce(s.points, 0) + h.points as after
        from score_delta h
        left join ranks s on s.contact_id = h.contact_id and s.profile_id = $2 and s.version = $3
            and s.group_id = h.group_id
        where h.group_id = r.group_id
    ) s on (s.before between r.least and r.most) <> (s.after between r.least and r.most)
    /* and segments */
)
select
    (select coalesce(jsonb_agg(jsonb_build_array(bin_before, bin_after, contacts, changed, moved)), '[]')::text
     from (select width_bucket(before, $7::bigint[]) as bin_before, width_bucket(after, $7::bigint[]) as bin_after,
               count(*) as contacts, count(*) filter (where changes) as changed,
               count(*) filter (where before <> after) as moved
           from overall group by 1, 2) transition) as transitions,
    (select coalesce(jsonb_agg(jsonb_build_array(contact_id, before, after)), '[]')::text
     from (select contact_id, before, after from overall where before <> after
           order by abs(after - before) desc, contact_id limit $8) mover) as movers,
    (select coalesce(jsonb_agg(jsonb_build_array(number, enters, contacts, named)), '[]')::text
     from (select number, enters, count(*) as contacts,
               (array_agg(contact_id order by contact_id))[1:$8] as named
           from crossing group by number, enters) crossed) as crossings

-- name: compare_shown
-- The same where the draft or the published version has frames: all sums of the contacts are read, and what is shown of them
-- is compared (contact_scores_pkey, version_groups_pkey). $12 to $15: the draft's frames (group, floor, cap, apart). $16, $17: the
-- ranges before the publish; $10 and $11 are those after it.
with weight_delta as materialized (
    select * from unnest($4::int[], $5::int[], $6::bigint[]) as m(definition_id, group_id, points)
),
frame_after as materialized (
    select * from unnest($12::int[], $13::bigint[], $14::bigint[], $15::boolean[]) as f(group_id, floor, cap, apart)
),
contact as materialized (
    select c.id as contact_id, s.group_ids, s.group_points
    from unnest($1::bigint[]) as c(id)
    left join contact_scores s on s.contact_id = c.id and s.profile_id = $2 and s.version = $3
        and s.contact_id = any($1::bigint[])
    -- Contacts that were joined to others, or erased, have no scores.
    where case when $3::int is not null then s.contact_id is not null else exists (
        select from contacts k
        where k.id = c.id and k.survivor_id is null and k.external_id is not null
        offset 0) end
),
by_group as materialized (
    select s.contact_id, s.group_id, s.before, s.after, b.apart is true as apart_before, a.apart is true as apart_after,
        shown_points(s.before, b.floor, b.cap) as shown_before, shown_points(s.after, a.floor, a.cap) as shown_after
    from (
        select contact_id, group_id, sum(before)::bigint as before, sum(before + step)::bigint as after
        from (
            select c.contact_id, g.group_id, g.points as before, 0 as step
            from contact c cross join lateral unnest(c.group_ids, c.group_points) as g(group_id, points)
            union all
            select t.contact_id, m.group_id, 0, t.count * m.points
            from dedup_keys t
            join weight_delta m on m.definition_id = t.definition_id
            where t.contact_id = any($1::bigint[])
            union all
            select a.contact_id, a.group_id, 0, a.points
            from adjustments a
            where $3::int is null and a.profile_id = $2 and a.contact_id = any($1::bigint[])
        ) one
        group by contact_id, group_id
    ) s
    left join version_groups b on b.profile_id = $2 and b.version = $3 and b.group_id = s.group_id
    left join frame_after a on a.group_id = s.group_id
),
score as materialized (
    select contact_id, group_id, before, after, shown_before, shown_after from by_group
    union all
    select o.contact_id, 0, o.before, o.after, shown_points(o.before, b.floor, b.cap), shown_points(o.after, a.floor, a.cap)
    from (
        select c.contact_id, coalesce(sum(shown_before) filter (where not apart_before), 0)::bigint as before,
            coalesce(sum(shown_after) filter (where not apart_after), 0)::bigint as after
        from contact c left join by_group using (contact_id)
        group by c.contact_id
    ) o
    left join version_groups b on b.profile_id = $2 and b.version = $3 and b.group_id = 0
    left join frame_after a on a.group_id = 0
),
overall as materialized (
    select contact_id, max(shown_before) filter (where group_id = 0) as before,
        max(shown_after) filter (where group_id = 0) as after, bool_or(shown_before <> shown_after) as changes
    from score
    group by contact_id
),
moved as materialized (
    select contact_id, jsonb_object_agg(group_id, after - before) as points from score group by contact_id
),
crossing as (
    select r.number, s.contact_id, s.after between r.least_after and r.most_after as enters
    from unnest($9::int[], $10::bigint[], $11::bigint[], $16::bigint[], $17::bigint[])
        with ordinality as r(group_id, least_after, most_after, least_before, most_before, number)
    cross join lateral (
        select o.contact_id, coalesce(s.shown_before, 0) as before, coalesce(s.shown_after, 0) as after
        from overall o left join score s on s.contact_id = o.contact_id and s.group_id = r.group_id
    ) s
    where (s.before between r.least_before and r.most_before) <> (s.after between r.least_after and r.most_after)
    /* and segments */
)
select
    (select coalesce(jsonb_agg(jsonb_build_array(bin_before, bin_after, contacts, changed, moved)), '[]')::text
     from (select width_bucket(before, $7::bigint[]) as bin_before, width_bucket(after, $7::bigint[]) as bin_after,
               count(*) as contacts, count(*) filter (where changes) as changed,
               count(*) filter (where before <> after) as moved
           from overall group by 1, 2) transition) as transitions,
    (select coalesce(jsonb_agg(jsonb_build_array(contact_id, before, after)), '[]')::text
     from (select contact_id, before, after from overall where before <> after
           order by abs(after - before) desc, contact_id limit $8) mover) as movers,
    (select coalesce(jsonb_agg(jsonb_build_array(number, enters, contacts, named)), '[]')::text
     from (select number, enters, count(*) as contacts,
               (array_agg(contact_id order by contact_id))[1:$8] as named
           from crossing group by number, enters) crossed) as crossings

-- name: counted
-- How often these definitions have counted for these contacts.
select t.contact_id, d.key as definition, sum(t.count)::bigint as count
from dedup_keys t
join definitions d on d.id = t.definition_id
where t.contact_id = any($1::bigint[]) and t.definition_id = any($2::int[])
group by t.contact_id, d.key, d.position, d.id
having sum(t.count) <> 0
order by t.contact_id, d.position, d.id

-- name: external_ids
-- The external ids of contacts.
select id, external_id from contacts where id = any($1::bigint[])

-- name: asked_contacts
-- Contacts by external id, in the given order, null where there is none, of one that was joined to another the survivor
-- (contacts_external_id_unique, contacts_pkey); and its name (contact_fields_pkey).
select asked.external_id as asked, known.id, known.external_id,
    (select value from contact_fields f where f.contact_id = known.id and f.field = 'name') as name
from unnest($2::text[]) with ordinality as asked(external_id, place)
left join lateral (
    select id, external_id, survivor_id from contacts c
    where c.account_id = $1 and c.external_id = asked.external_id offset 0) named on true
left join lateral (
    select id, external_id from contacts c where c.id = named.survivor_id offset 0) survivor on true
cross join lateral (
    select coalesce(survivor.id, named.id) as id, coalesce(survivor.external_id, named.external_id) as external_id) known
order by asked.place

-- name: tallies
-- How often each definition has counted for each of these contacts (dedup_keys_pkey).
select contact_id, definition_id, sum(count)::bigint as count
from dedup_keys
where contact_id = any($1::bigint[])
group by contact_id, definition_id

-- name: adjusted
-- The adjustments of these contacts under a profile, by group (adjustments_client_key_by_id).
select c.id as contact_id, a.group_id, a.points
from unnest($1::bigint[]) as c(id)
cross join lateral (
    select group_id, sum(points)::bigint as points
    from adjustments
    where contact_id = c.id and profile_id = $2
    group by group_id
    offset 0) a
