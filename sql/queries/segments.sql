-- Segments as stored, and their member counts.

-- name: lock
-- Locks the segments of an account, future ones included, by its own row (accounts_pkey), until the transaction ends.
select id from accounts where id = $1 for no key update

-- name: bands
-- The bands of a profile: of the version that readers see, and of one that a publish builds (profile_versions_pkey,
-- version_groups_pkey); without a group where all of a version are plain.
select v.state::text as state, f.group_id, f.band_keys
from profile_versions v
left join lateral (
    select group_id, band_keys from version_groups f where f.profile_id = v.profile_id and f.version = v.version offset 0) f
    on true
where v.profile_id = $1 and v.state in ('building', 'published')
order by v.version

-- name: count
-- How many segments an account has (segments_key_unique).
select count(*) from segments where account_id = $1

-- name: keys
-- The keys of an account's segments in display order (segments_key_unique).
select key from segments where account_id = $1 order by position, id

-- name: read
-- The segments of an account, all or some ($2, by key), in display order, with their last counts
-- (segments_key_unique).
select id, key, name, description, profile_key as profile, conditions::text as match, contacts, counted_at,
    extract(epoch from clock_timestamp() - counted_at)::float8 as age_seconds
from segments
where account_id = $1 and ($2::text[] is null or key = any($2))
order by position, id

-- name: ids
-- The numbers of definitions (definitions_key_unique), groups (groups_key_unique), deleted ones included, and profiles
-- (profiles_key_unique) by key; of the primary profile by an empty key too.
select 'definition' as what, key, id, false as deleted from definitions where account_id = $1
union all
select 'group', key, id, deleted from groups where account_id = $1
union all
select 'profile', key, id, false from profiles where account_id = $1
union all
select 'profile', '', id, false from profiles where account_id = $1 and is_primary

-- name: add
-- Stores a new segment at the end of the order; no row if there is one with its key.
insert into segments (account_id, key, name, description, profile_key, conditions, position)
select $1, $2, $3, $4, $5, $6::text::jsonb, coalesce(max(position) + 1, 0) from segments where account_id = $1
on conflict on constraint segments_key_unique do nothing
returning id

-- name: update
-- Changes a segment (segments_key_unique); its count, and one under way, are void.
update segments
set name = $3, description = $4, profile_key = $5, conditions = $6::text::jsonb, contacts = null, counted_at = null,
    claimed_at = null
where account_id = $1 and key = $2

-- name: delete
-- Deletes a segment (segments_key_unique).
delete from segments where account_id = $1 and key = $2

-- name: reorder
-- Puts segments into the order of these keys (segments_key_unique).
update segments
set position = given.place
from unnest($2::text[]) with ordinality as given(key, place)
where segments.account_id = $1 and segments.key = given.key

-- name: claim
-- Claims the counting of a segment (segments_pkey), if its count and the last claim are older than a minute.
update segments
set claimed_at = clock_timestamp()
where id = $1 and coalesce(counted_at, '-infinity') < clock_timestamp() - interval '1 minute'
    and coalesce(claimed_at, '-infinity') < clock_timestamp() - interval '1 minute'
returning claimed_at

-- name: write_count
-- Stores a count (segments_pkey), unless the segment has changed since the claim.
update segments set contacts = $3, counted_at = $4 where id = $1 and claimed_at = $2
