-- Reads an account's configuration: the whole of it, or some definitions ($3 or $2, by key) and profiles ($2, by key; null:
-- all). Of weights there are thousands for each profile: those of some definitions are looked up one by one.

-- name: account
-- An account's own fields: no row if there is none (accounts_key_unique).
select id, name, engagement, sales, retention_seconds, time_zone, count_robots from accounts where key = $1;

-- name: has_history
-- Whether any score of an account may differ from 0.
select exists (select from definitions where account_id = $1 and counted)
    or exists (select from adjustments join profiles on profiles.id = adjustments.profile_id
               where profiles.account_id = $1);

-- name: named_bands
-- The bands that an account's segments name, in their order (segments_key_unique).
select s.key as segment, s.profile_key as profile, named.condition ->> 'group' as "group", band.key as band
from segments s
cross join lateral jsonb_path_query(s.conditions, 'strict $.**.band') named (condition)
cross join lateral jsonb_array_elements_text(named.condition -> 'in') band (key)
where s.account_id = $1
order by s.position, s.id;

-- name: groups
-- The groups of an account in display order (groups_key_unique), deleted ones too: versions may name them.
select id, key, name, icon, deleted from groups where account_id = $1 order by position, id;

-- name: definitions
-- The definitions of an account, all or some ($2, by key), in display order (definitions_key_unique).
select id, key, name, group_id, icon, default_points, active, events, conditions::text as conditions,
       policy::text as policy, interval_seconds, per::text as per, edition, xp, counted
from definitions
where account_id = $1 and ($2::text[] is null or key = any($2))
order by position, id;

-- name: definition_keys
-- The keys of an account's definitions in display order (definitions_key_unique).
select key from definitions where account_id = $1 order by position, id;

-- name: definitions_naming
-- Active definitions of an account that name one of these event types ($2), in display order (definitions_key_unique).
select key, events from definitions where account_id = $1 and active and events && $2::text[] order by position, id;

-- name: rest
-- How many definitions and profiles an account has besides these ($2, $3, by key; null: all were read), and the primary
-- profile if it is one of them (definitions_key_unique, profiles_key_unique).
select (select count(*) from definitions where account_id = $1 and key <> all($2::text[])) as definitions,
       (select count(*) from profiles where account_id = $1 and key <> all($3::text[])) as profiles,
       (select key from profiles where account_id = $1 and key <> all($3::text[]) and is_primary) as primary;

-- name: types_of_rest
-- How many active definitions besides these ($2, by key) name an event type (definitions_key_unique).
select type, count(*) as count
from definitions cross join lateral unnest(events) type
where account_id = $1 and active and key <> all($2::text[])
group by type;

-- name: profiles
-- The profiles of an account in display order (profiles_key_unique), each with its draft's own weights
-- (profile_weights_pkey) and the highest version number so far.
select profile.key, profile.name, profile.description, profile.is_primary, profile.inherits, profile.archived,
       profile.frames::text as frames,
       own.keys, own.weights,
       (select coalesce(max(version), 0) from profile_versions where profile_id = profile.id) as last_number,
       exists (select from publishes where profile_id = profile.id and ended_at is null) as publish_runs,
       exists (select from profile_versions
               where profile_id = profile.id and state in ('published', 'retired')) as was_published
from profiles profile
cross join lateral (
    select array_agg(definition_key order by definition_key) as keys, array_agg(weight order by definition_key) as weights
    from profile_weights where profile_id = profile.id) own
where profile.account_id = $1 and ($2::text[] is null or profile.key = any($2))
order by profile.position, profile.id;

-- name: profiles_of_definitions
-- The same, with the own weights of these definitions only (profile_weights_pkey).
select profile.key, profile.name, profile.description, profile.is_primary, profile.inherits, profile.archived,
       profile.frames::text as frames,
       own.keys, own.weights,
       (select coalesce(max(version), 0) from profile_versions where profile_id = profile.id) as last_number,
       exists (select from publishes where profile_id = profile.id and ended_at is null) as publish_runs,
       exists (select from profile_versions
               where profile_id = profile.id and state in ('published', 'retired')) as was_published
from profiles profile
cross join lateral (
    select array_agg(one.key order by one.key) as keys, array_agg(own.weight order by one.key) as weights
    from unnest($3::text[]) one(key)
    cross join lateral (
        select weight from profile_weights where profile_id = profile.id and definition_key = one.key offset 0) own) own
where profile.account_id = $1 and ($2::text[] is null or profile.key = any($2))
order by profile.position, profile.id;

-- name: versions
-- The versions that are published or being built (profile_versions_pkey), each with its weights (version_weights_pkey) and frames
-- (version_groups_pkey).
select profile.key as profile, version.version as number, version.state::text as state, version.inherits,
       version.own_weights::text as own_weights,
       (select coalesce(jsonb_agg(jsonb_build_array(group_id, floor, cap, apart, band_keys, band_least)), '[]')::text
        from version_groups where profile_id = version.profile_id and version = version.version) as frames,
       known.*
from profiles profile
join profile_versions version on version.profile_id = profile.id
cross join lateral (
    select array_agg(definition_id) as definitions, array_agg(group_id) as groups, array_agg(weight) as weights,
           array_agg(joined) as joined
    from version_weights where profile_id = version.profile_id and version = version.version) known
where profile.account_id = $1 and ($2::text[] is null or profile.key = any($2))
  and version.state in ('published', 'building');

-- name: versions_of_definitions
-- The same, with the weights of these definitions ($3, by number) only (version_weights_pkey). Of own weights, which are
-- one value, that of a single definition ($4, by key; empty: of none), or all.
select profile.key as profile, version.version as number, version.state::text as state, version.inherits,
       case when $4::text is null then version.own_weights when $4 = '' then '{}'
            else jsonb_strip_nulls(jsonb_build_object($4::text, version.own_weights -> $4::text)) end::text as own_weights,
       (select coalesce(jsonb_agg(jsonb_build_array(group_id, floor, cap, apart, band_keys, band_least)), '[]')::text
        from version_groups where profile_id = version.profile_id and version = version.version) as frames,
       known.*
from profiles profile
join profile_versions version on version.profile_id = profile.id
cross join lateral (
    select array_agg(one.id) as definitions, array_agg(known.group_id) as groups, array_agg(known.weight) as weights,
           array_agg(known.joined) as joined
    from unnest($3::integer[]) one(id)
    cross join lateral (
        select group_id, weight, joined from version_weights
        where profile_id = version.profile_id and version = version.version and definition_id = one.id
        offset 0) known) known
where profile.account_id = $1 and ($2::text[] is null or profile.key = any($2))
  and version.state in ('published', 'building');

-- name: deleted_groups
-- Groups that are no longer in an account's catalog while published versions count definitions in them, each with the
-- profiles (profiles_key_unique, version_weights_pkey, groups_pkey).
select "group".key, "group".name, "group".icon, array_agg(profile.key order by profile.position, profile.id) as profiles
from profiles profile
cross join lateral (
    select distinct group_id from version_weights
    where profile_id = profile.id and version = profile.published_version
    offset 0) counted
cross join lateral (
    select id, key, name, icon, position from groups where id = counted.group_id and deleted
    offset 0) "group"
where profile.account_id = $1
group by "group".id, "group".key, "group".name, "group".icon, "group".position
order by "group".position, "group".id;
