-- Publishes and versions of a profile, newest first.

-- name: number
-- The number of a profile of an account, by its key (profiles_key_unique).
select id from profiles where account_id = $1 and key = $2;

-- name: publishes_page
-- Publishes of a profile before $2 (publishes_by_profile).
select id, version, previous_version, state::text as state, requested_by, requested_at, flipped_at, ended_at,
       contacts_done as done, contacts_total as total
from publishes
where profile_id = $1 and id < $2
order by id desc
limit $3;

-- name: versions_page
-- Published and retired versions of a profile before $2 (profile_versions_pkey).
select version as number, state::text as state, published_by as by, published_at as at, inherits
from profile_versions
where profile_id = $1 and version < $2 and state in ('published', 'retired')
order by version desc
limit $3;
