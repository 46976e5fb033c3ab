-- Scores as they are stored: a row for each contact and profile version, and its points by group in `ranks`. The caller holds
-- the contacts' locks. Columns come as one text each (consumer/infra/postgres/column_params.py), arrays as their literals.

-- name: read
-- The scores of these contacts under all versions; place: where the row is, for `write`.
select s.contact_id, s.profile_id, s.version, s.overall, s.group_ids, s.group_points, s.message_version, s.place
from unnest($1::text::bigint[]) as c(id)
cross join lateral (
    select contact_id, profile_id, version, overall, group_ids, group_points, message_version, ctid as place
    from contact_scores s where s.contact_id = c.id offset 0) s

-- name: names
-- Name and owner of these contacts, where they have them.
select f.contact_id, f.field, f.value
from unnest($1::text::bigint[]) as c(id)
cross join lateral (
    select contact_id, field, value from contact_fields f where f.contact_id = c.id and f.field in ('name', 'owner') offset 0) f

-- name: write
-- Stores new scores ($1 to $7), and what has changed at the given places ($8 to $12).
with changed as (
    update contact_scores s
    set overall = u.overall, group_ids = u.group_ids::int[], group_points = u.group_points::bigint[],
        message_version = u.message_version
    from rows from (
        string_to_table($8::text, E'\x1f'), unnest($9::text::bigint[]), string_to_table($10::text, E'\x1f'),
        string_to_table($11::text, E'\x1f'), unnest($12::text::bigint[]))
        as u(place, overall, group_ids, group_points, message_version)
    where s.ctid = u.place::tid
)
insert into contact_scores (contact_id, profile_id, version, overall, group_ids, group_points, message_version)
select contact_id, profile_id, version, overall, group_ids::int[], group_points::bigint[], message_version
from rows from (
    unnest($1::text::bigint[]), unnest($2::text::int[]), unnest($3::text::int[]), unnest($4::text::bigint[]),
    string_to_table($5::text, E'\x1f'), string_to_table($6::text, E'\x1f'), unnest($7::text::bigint[]))
    as n(contact_id, profile_id, version, overall, group_ids, group_points, message_version)

-- name: write_ranks
-- Stores new points ($1 to $5), and those that have moved ($6 to $11: from, to).
with moved as (
    update ranks r
    set points = m.points_after
    from (
        select r.place, m.points_after
        from rows from (
            unnest($6::text::int[]), unnest($7::text::int[]), unnest($8::text::int[]), unnest($9::text::bigint[]),
            unnest($10::text::bigint[]), unnest($11::text::bigint[]))
            as m(profile_id, version, group_id, contact_id, points_before, points_after)
        cross join lateral (
            select ctid as place from ranks r
            where r.profile_id = m.profile_id and r.version = m.version and r.group_id = m.group_id
                and r.points = m.points_before and r.contact_id = m.contact_id
            offset 0) r
    ) m
    where r.ctid = m.place
)
insert into ranks (profile_id, version, group_id, points, contact_id)
select *
from rows from (
    unnest($1::text::int[]), unnest($2::text::int[]), unnest($3::text::int[]), unnest($4::text::bigint[]),
    unnest($5::text::bigint[]))
