-- An account's row, and what is asked about its configuration over HTTP.

-- name: account
-- The account in the path, by its key (accounts_key_unique).
select id, engagement from accounts where key = $1;

-- name: accounts_page
-- Accounts by key after $2, all of them or $1 alone (accounts_key_unique).
select key as account, name, engagement, sales
from accounts
where key > $2 and ($1::text is null or key = $1)
order by key
limit $3;

-- name: group_is_adjusted
-- Whether there are adjustments in a group, by its key.
select exists (
    select from adjustments
    join groups "group" on "group".id = adjustments.group_id
    where "group".account_id = $1 and "group".key = $2);

-- name: profiles_framing
-- The profiles whose draft names a group ($2, by key) in `groups`, in display order (profiles_key_unique).
select coalesce(array_agg(key order by position, id), '{}') from profiles where account_id = $1 and frames -> 'groups' ? $2;

-- name: versions_counting
-- The profiles whose published version counts definitions in a group ($2, by key), in display order (groups_key_unique,
-- profiles_key_unique, version_weights_pkey).
select profile.key
from groups "group"
join profiles profile on profile.account_id = "group".account_id
where "group".account_id = $1 and "group".key = $2
    and exists (
        select from version_weights weight
        where weight.profile_id = profile.id and weight.version = profile.published_version and weight.group_id = "group".id
        offset 0)
order by profile.position, profile.id;

-- name: left_entries
-- Whether an account has timeline entries of a definition ($2, by key). Reads the account's part of the timeline until it
-- finds one: no index leads from a definition to its entries.
select exists (select from timeline where account_id = $1 and definition_id = definition.id)
from definitions definition
where definition.account_id = $1 and definition.key = $2;
