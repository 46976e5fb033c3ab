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

-- name: left_entries
-- Whether an account has timeline entries of a definition ($2, by key). Reads the account's part of the timeline until it
-- finds one: no index leads from a definition to its entries.
select exists (select from timeline where account_id = $1 and definition_id = definition.id)
from definitions definition
where definition.account_id = $1 and definition.key = $2;
