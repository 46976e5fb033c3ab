-- Weights under the versions that are published or being built. Callers see to it that
-- they are of one revision: by the account's lock, or by a check afterwards.

-- name: of_definitions
-- The weights of these definitions ($1).
select w.definition_id, w.profile_id, w.version, w.group_id, w.weight, p.key as profile,
    p.published_version is not distinct from w.version as is_published
from unnest($1::int[]) as d(id)
cross join lateral (
    select definition_id, profile_id, version, group_id, weight from version_weights w
    where w.definition_id = d.id
    offset 0) w
cross join lateral (
    select true from profile_versions v
    where v.profile_id = w.profile_id and v.version = w.version and v.state in ('building', 'published')
    offset 0) v
cross join lateral (select key, published_version from profiles p where p.id = w.profile_id offset 0) p

-- name: versions
-- The versions of the profiles of these accounts ($1).
select a.id as account_id, p.id as profile_id, v.version
from unnest($1::int[]) as a(id)
cross join lateral (select id from profiles p where p.account_id = a.id offset 0) p
cross join lateral (
    select version from profile_versions v
    where v.profile_id = p.id and v.state in ('building', 'published')
    offset 0) v

-- name: frames
-- The frames of profiles ($1) that are not plain: of their published and building versions, and of the last retired one, under
-- which contacts may still have been announced (profile_versions_pkey, version_groups_pkey).
select f.profile_id, f.version, f.group_id, f.floor, f.cap, f.apart, f.band_keys, f.band_least
from unnest($1::int[]) as p(id)
cross join lateral (
    (select version from profile_versions v where v.profile_id = p.id and v.state in ('building', 'published') offset 0)
    union all
    (select version from profile_versions v where v.profile_id = p.id and v.state = 'retired' order by version desc limit 1)) v
cross join lateral (
    select profile_id, version, group_id, floor, cap, apart, band_keys, band_least from version_groups f
    where f.profile_id = p.id and f.version = v.version
    offset 0) f

-- name: published_frames
-- The frames of an account's published versions that are not plain (profiles_key_unique, version_groups_pkey).
select f.profile_id, f.version, f.group_id, f.floor, f.cap, f.apart, f.band_keys, f.band_least
from profiles p
cross join lateral (
    select profile_id, version, group_id, floor, cap, apart, band_keys, band_least from version_groups f
    where f.profile_id = p.id and f.version = p.published_version
    offset 0) f
where p.account_id = $1

-- name: mark_counted
-- Marks those of these definitions ($1) that had not counted before: their weights in published versions are frozen now.
update definitions set counted = true
where id = any(array(
    select d.id
    from unnest($1::int[]) as one(id)
    cross join lateral (select id from definitions d where d.id = one.id and not d.counted offset 0) d
    order by d.id))
returning id
