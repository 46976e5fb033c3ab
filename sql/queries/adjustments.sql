-- Adjustments: points given or taken by hand.

-- name: find_ids
-- The numbers of an account's (accounts_key_unique) contact (contacts_external_id_unique; if joined to another, of that
-- one; came_by: its own then), profile (profiles_key_unique; key null: the primary one) and group (groups_key_unique).
-- Each is null where there is none; no row without account.
select (select coalesce(survivor_id, id) from contacts where account_id = a.id and external_id = $2) as contact,
    (select id from contacts where account_id = a.id and external_id = $2 and survivor_id is not null) as came_by,
    (select id from profiles where account_id = a.id and coalesce(key = $3, is_primary)) as profile,
    (select id from groups where account_id = a.id and key = $4 and not deleted) as "group"
from accounts a
where a.key = $1

-- name: add
-- Stores an adjustment and returns its number; no row if the contact has one with this client key.
insert into adjustments (contact_id, profile_id, group_id, points, reason, author, client_key, came_by)
values ($1, $2, $3, $4, $5, $6, $7, $8)
on conflict (contact_id, client_key, coalesce(came_by, contact_id)) do nothing
returning id

-- name: find_by_client_key
-- The adjustment with this client key, and whether its contents are the same (adjustments_client_key_by_id).
select id, (profile_id, group_id, points, reason) = ($3::int, $4::int, $5::int, $6::text) as same
from adjustments
where contact_id = $1 and client_key = $2 and coalesce(came_by, contact_id) = coalesce($7::bigint, $1)

-- name: versions
-- The versions of a profile that are published or being built (profile_versions_pkey).
select version from profile_versions where profile_id = $1 and state in ('published', 'building') order by version

-- name: page
-- Adjustments of a contact before $2, newest first, or $3 alone (adjustments_client_key_by_id).
select a.id, p.key as profile, g.key as "group", a.points, a.reason, a.author, a.client_key, a.created_at
from adjustments a
join profiles p on p.id = a.profile_id
join groups g on g.id = a.group_id
where a.contact_id = $1 and a.id < $2 and ($3::bigint is null or a.id = $3)
order by a.id desc
limit $4
