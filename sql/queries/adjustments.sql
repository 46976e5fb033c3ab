-- Adjustments: points given or taken by hand.

-- name: find_ids
-- The numbers of an account's (accounts_key_unique) contact (contacts_external_id_unique; if absorbed, of the survivor:
-- contact_links_pkey), profile (profiles_key_unique; key null: the primary one) and group (groups_key_unique). Each is
-- null where there is none; no row without account.
select (select coalesce(l.survivor_id, c.id)
        from contacts c left join contact_links l on l.absorbed_id = c.id
        where c.account_id = a.id and c.external_id = $2) as contact,
    (select id from profiles where account_id = a.id and coalesce(key = $3, is_primary)) as profile,
    (select id from groups where account_id = a.id and key = $4 and not deleted) as "group"
from accounts a
where a.key = $1

-- name: add
-- Stores an adjustment and returns its number; no row if the contact has one with this client key.
insert into adjustments (contact_id, profile_id, group_id, points, reason, author, client_key)
values ($1, $2, $3, $4, $5, $6, $7)
on conflict on constraint adjustments_client_key_unique do nothing
returning id

-- name: find_by_client_key
-- The adjustment with this client key, and whether its contents are the same (adjustments_client_key_unique).
select id, (profile_id, group_id, points, reason) = ($3::int, $4::int, $5::int, $6::text) as same
from adjustments
where contact_id = $1 and client_key = $2

-- name: versions
-- The versions of a profile that are published or being built (profile_versions_pkey).
select version from profile_versions where profile_id = $1 and state in ('published', 'building') order by version

-- name: page
-- Adjustments of a contact before $2, newest first, or $3 alone (adjustments_client_key_unique).
select a.id, p.key as profile, g.key as "group", a.points, a.reason, a.author, a.client_key, a.created_at
from adjustments a
join profiles p on p.id = a.profile_id
join groups g on g.id = a.group_id
where a.contact_id = $1 and a.id < $2 and ($3::bigint is null or a.id = $3)
order by a.id desc
limit $4
