-- Adjustments: points given or taken by hand. `offset 0`: lookups by key for each row.

-- name: find_ids
-- The numbers of an account's (accounts_key_unique) contacts ($2, contacts_external_id_unique; if joined to another, of that
-- one; came_by: its own then), profiles ($3, profiles_key_unique; key null: the primary one; none that is archived) and groups ($4,
-- groups_key_unique), in the given order. Each is null where there is none; no row without account.
select c.id as contact, c.came_by, p.id as profile, p.key as profile_key, g.id as "group"
from rows from (unnest($2::text[]), unnest($3::text[]), unnest($4::text[]))
    with ordinality as given(contact, profile, "group", place)
join (select id from accounts where key = $1 offset 0) a on true
left join lateral (
    select coalesce(survivor_id, id) as id, case when survivor_id is not null then id end as came_by
    from contacts c where c.account_id = a.id and c.external_id = given.contact
    offset 0) c on true
left join lateral (
    select id, key from profiles p
    where p.account_id = a.id and not archived and case when given.profile is null then is_primary else key = given.profile end
    offset 0) p on true
left join lateral (
    select id from groups g where g.account_id = a.id and g.key = given."group" and not deleted offset 0) g on true
order by given.place

-- name: add
-- Stores adjustments in the given order and returns them, but for those whose contact has one with their client key.
insert into adjustments (contact_id, profile_id, group_id, points, reason, author, client_key, came_by)
select contact_id, profile_id, group_id, points, reason, author, client_key, came_by
from rows from (unnest($1::bigint[]), unnest($2::int[]), unnest($3::int[]), unnest($4::int[]), unnest($5::text[]),
                unnest($6::text[]), unnest($7::bigint[]), unnest($8::text[]))
    with ordinality as a(contact_id, profile_id, group_id, points, reason, client_key, came_by, author, place)
order by place
on conflict (contact_id, client_key, coalesce(came_by, contact_id)) do nothing
returning id, contact_id, client_key, came_by

-- name: find_by_client_key
-- The adjustments with these client keys, in the given order, and whether their contents are the same
-- (adjustments_client_key_by_id).
select a.id, (a.profile_id, a.group_id, a.points, a.reason)
    = (given.profile_id, given.group_id, given.points, given.reason) as same
from rows from (unnest($1::bigint[]), unnest($2::int[]), unnest($3::int[]), unnest($4::int[]), unnest($5::text[]),
                unnest($6::text[]), unnest($7::bigint[]))
    with ordinality as given(contact_id, profile_id, group_id, points, reason, client_key, came_by, place)
cross join lateral (
    select id, profile_id, group_id, points, reason from adjustments a
    where a.contact_id = given.contact_id and a.client_key = given.client_key
        and coalesce(a.came_by, a.contact_id) = coalesce(given.came_by, given.contact_id)
    offset 0) a
order by given.place

-- name: to_undo
-- An adjustment ($3) of the contact that an id ($2) of an account ($1, by key) means, and the id by which it came
-- (accounts_key_unique, contacts_external_id_unique, adjustments_pkey).
select a.contact_id, a.profile_id, a.group_id, a.points, a.undoes, p.key as profile, g.key as "group",
    (select external_id from contacts c where c.id = coalesce(a.came_by, a.contact_id)) as named
from (select id from accounts where key = $1 offset 0) account
cross join lateral (
    select coalesce(survivor_id, id) as id from contacts c
    where c.account_id = account.id and c.external_id = $2
    offset 0) c
cross join lateral (
    select contact_id, profile_id, group_id, points, undoes, came_by from adjustments a
    where a.id = $3 and a.contact_id = c.id
    offset 0) a
cross join lateral (select key from profiles p where p.id = a.profile_id offset 0) p
cross join lateral (select key from groups g where g.id = a.group_id offset 0) g

-- name: add_undo
-- Stores the opposite of an adjustment ($1) and returns its number; no row if that was undone before, or the contact has
-- one with this client key (adjustments_pkey).
insert into adjustments (contact_id, profile_id, group_id, points, reason, author, client_key, came_by, undoes)
select contact_id, profile_id, group_id, -points, $2, $3, $4, came_by, id
from adjustments
where id = $1
on conflict do nothing
returning id

-- name: find_undo
-- The adjustment that undoes another (adjustments_undone_once).
select id from adjustments where undoes = $1

-- name: versions
-- The versions of profiles that are published or being built, and which are (profile_versions_pkey).
select v.profile_id, v.version, v.is_published
from unnest($1::int[]) as one(id)
cross join lateral (
    select profile_id, version, state = 'published' as is_published from profile_versions v
    where v.profile_id = one.id and v.state in ('published', 'building')
    offset 0) v
order by v.profile_id, v.version

-- name: page
-- Adjustments of a contact before $2, newest first (adjustments_client_key_by_id), and which undo them
-- (adjustments_undone_once).
select a.id, p.key as profile, g.key as "group", a.points, a.reason, a.author, a.client_key, a.created_at, a.undoes,
    (select u.id from adjustments u where u.undoes = a.id) as undone_by
from adjustments a
join profiles p on p.id = a.profile_id
join groups g on g.id = a.group_id
where a.contact_id = $1 and a.id < $2
order by a.id desc
limit $3

-- name: by_number
-- The same of adjustments with these numbers, in the given order (adjustments_pkey, adjustments_undone_once).
select a.id, p.key as profile, g.key as "group", a.points, a.reason, a.author, a.client_key, a.created_at, a.undoes,
    (select u.id from adjustments u where u.undoes = a.id) as undone_by
from unnest($1::bigint[]) with ordinality as one(id, place)
cross join lateral (
    select id, profile_id, group_id, points, reason, author, client_key, created_at, undoes
    from adjustments a where a.id = one.id
    offset 0) a
cross join lateral (select key from profiles p where p.id = a.profile_id offset 0) p
cross join lateral (select key from groups g where g.id = a.group_id offset 0) g
order by one.place
