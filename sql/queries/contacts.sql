-- Contacts by score, one by one and in lists. The statements of one request share a snapshot.

-- name: view
-- A profile of an account, by key or the primary one (profiles_key_unique), and its account's time zone (accounts_pkey).
select p.id, p.key, p.published_version as version, a.time_zone
from profiles p
join accounts a on a.id = p.account_id
where p.account_id = $1 and case when $2::text is null then p.is_primary else p.key = $2 end;

-- name: groups
-- Groups of an account in display order, deleted ones last (groups_key_unique).
select id, key, name, deleted from groups where account_id = $1 order by deleted, position, id;

-- name: owned
-- Contacts of an owner, by number, at most $3 (contact_fields_by_owner).
select contact_id
from contact_fields
where account_id = $1 and field = 'owner' and left(value, 256) = left($2::text, 256) and value = $2
limit $3;

-- name: ranged
-- Contacts with points in a range of a group, by number, at most $6 (ranks_pkey).
select contact_id
from ranks
where profile_id = $1 and version = $2 and group_id = $3 and points between $4 and $5
limit $6;

-- name: walk_descending
-- Contacts from the most points in a group ($3, 0: overall) down to $4, after ($5, $6), in index order
-- (ranks_pkey). There is one upper bound only: with two the scan might begin at the wrong one. Filters are looked
-- up for each contact if asked for: points from $8 to $9 in group $7 (contact_scores_pkey), owner $10 (contact_fields_pkey), and
-- membership in a segment, which list_query.py puts in.
select s.contact_id, s.points
from ranks s
where s.profile_id = $1 and s.version = $2 and s.group_id = $3 and s.points >= $4
    and (s.points, s.contact_id) < ($5, $6)
    and ($7::int is null or exists (
        select from scores o
        where o.contact_id = s.contact_id and o.profile_id = $1 and o.version = $2 and o.group_id = $7
            and o.points between $8 and $9
        offset 0))
    and ($10::text is null or exists (
        select from contact_fields f
        where f.contact_id = s.contact_id and f.field = 'owner' and f.value = $10
        offset 0))
    /* and in the segment */
order by s.points desc, s.contact_id desc
limit $11;

-- name: walk_ascending
-- The same from the least points up to $4 (ranks_pkey, contact_scores_pkey, contact_fields_pkey).
select s.contact_id, s.points
from ranks s
where s.profile_id = $1 and s.version = $2 and s.group_id = $3 and s.points <= $4
    and (s.points, s.contact_id) > ($5, $6)
    and ($7::int is null or exists (
        select from scores o
        where o.contact_id = s.contact_id and o.profile_id = $1 and o.version = $2 and o.group_id = $7
            and o.points between $8 and $9
        offset 0))
    and ($10::text is null or exists (
        select from contact_fields f
        where f.contact_id = s.contact_id and f.field = 'owner' and f.value = $10
        offset 0))
    /* and in the segment */
order by s.points, s.contact_id
limit $11;

-- name: among
-- The same among few contacts ($12), in either direction ($13: ascending), each looked up for its points (contact_scores_pkey,
-- contact_fields_pkey).
select s.contact_id, s.points
from unnest($12::bigint[]) as few(contact_id)
cross join lateral (
    select s.contact_id, s.points from scores s
    where s.contact_id = few.contact_id and s.profile_id = $1 and s.version = $2 and s.group_id = $3
    offset 0) s
where case when $13 then s.points <= $4 else s.points >= $4 end
    and case when $13 then (s.points, s.contact_id) > ($5, $6) else (s.points, s.contact_id) < ($5, $6) end
    and ($7::int is null or exists (
        select from scores o
        where o.contact_id = s.contact_id and o.profile_id = $1 and o.version = $2 and o.group_id = $7
            and o.points between $8 and $9
        offset 0))
    and ($10::text is null or exists (
        select from contact_fields f
        where f.contact_id = s.contact_id and f.field = 'owner' and f.value = $10
        offset 0))
    /* and in the segment */
order by case when $13 then s.points else -s.points end, case when $13 then s.contact_id else -s.contact_id end
limit $11;

-- name: shown
-- Contacts in the order of the given numbers, as they are shown: external ids (contacts_pkey), fields
-- (contact_fields_pkey) and points by group under a version (contact_scores_pkey), as JSON.
select c.id, c.external_id,
    (select jsonb_object_agg(f.field, f.value)::text from contact_fields f where f.contact_id = c.id) as fields,
    (select jsonb_object_agg(s.group_id, s.points)::text from scores s
     where s.contact_id = c.id and s.profile_id = $2 and s.version = $3) as points
from unnest($1::bigint[]) with ordinality as asked(id, place)
cross join lateral (select id, external_id from contacts c where c.id = asked.id offset 0) c
order by asked.place;

-- name: resolve
-- Numbers and external ids of contacts by external id, in the given order, null where there is none
-- (contacts_external_id_unique); of one that was joined to another, the survivor's (contacts_pkey).
select known.id, known.external_id
from unnest($2::text[]) with ordinality as asked(external_id, place)
left join lateral (
    select id, survivor_id from contacts c where c.account_id = $1 and c.external_id = asked.external_id offset 0) named
    on true
left join lateral (
    select id, external_id from contacts c where c.id = coalesce(named.survivor_id, named.id) offset 0) known on true
order by asked.place;

-- name: about
-- When a contact was created, by number (contacts_pkey), and its fields (contact_fields_pkey), as JSON.
select created_at,
    (select jsonb_object_agg(f.field, f.value)::text from contact_fields f where f.contact_id = c.id) as fields
from contacts c
where id = $1;

-- name: by_profile
-- A contact's points by group under all published profiles (profiles_key_unique, contact_scores_pkey), as JSON.
select p.key, p.name, p.is_primary, p.published_version as version,
    (select jsonb_object_agg(s.group_id, s.points)::text from scores s
     where s.contact_id = $2 and s.profile_id = p.id and s.version = p.published_version) as points
from profiles p
where p.account_id = $1 and p.published_version is not null
order by p.position, p.id;
