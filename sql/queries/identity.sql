-- Joins and deletions of contacts: facts as they come, and carrying them out (docs/semantics.md §8).

-- name: record_joins
-- Stores joins ($1 to $6), and asks for them to be carried out.
with stored as (
    insert into joins (contact_id, into_id, origin, occurred_at, event_key, requested_by)
    select contact_id, into_id, origin, occurred_at, event_key, requested_by
    from rows from (unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::text[]), unnest($4::timestamptz[]),
                    unnest($5::bytea[]), unnest($6::text[]))
        as j(contact_id, into_id, origin, occurred_at, event_key, requested_by)
    on conflict do nothing
    returning contact_id
)
insert into identity_work (contact_id, account_id)
select distinct c.id, c.account_id
from stored
cross join lateral (select id, account_id from contacts c where c.id = stored.contact_id offset 0) c
order by c.id
on conflict do nothing

-- name: record_deletions
-- Stores deletions ($1 to $4): events dated before are gone from now on. Asks for them to be carried out.
with stored as (
    insert into deletions (contact_id, occurred_at, event_key, requested_by)
    select contact_id, occurred_at, event_key, requested_by
    from rows from (unnest($1::bigint[]), unnest($2::timestamptz[]), unnest($3::bytea[]), unnest($4::text[]))
        as d(contact_id, occurred_at, event_key, requested_by)
    on conflict do nothing
    returning contact_id, occurred_at
),
marked as (
    update contacts c set deleted_before = greatest(c.deleted_before, d.deleted_before)
    from (select contact_id, max(occurred_at) as deleted_before from stored group by contact_id) d
    where c.id = d.contact_id
    returning c.id, c.account_id
)
insert into identity_work (contact_id, account_id)
select id, account_id from marked order by id
on conflict do nothing

-- name: oldest_program
-- The oldest program that may run on the schema.
select schema_version from installation

-- name: due
-- The contacts whose joins or deletions are to be carried out: accounts take turns, of each the oldest come first. None
-- while programs older than $2 may run.
select contact_id, account_id from (
    select contact_id, account_id, since,
        row_number() over (partition by account_id order by since, contact_id) as turn
    from identity_work where since <= now()) w
where (select schema_version from installation) >= $2
order by turn, since, contact_id
limit $1

-- name: is_due
-- Whether something is to be carried out about a contact.
select exists (select from identity_work where contact_id = $1)

-- name: cluster
-- These contacts ($1), and those that joins, carried out or not, connect them with directly.
select distinct unnest(array[c.id, c.survivor_id, j.into_id, i.contact_id, s.id]) as id
from unnest($1::bigint[]) as one(id)
cross join lateral (select id, survivor_id from contacts c where c.id = one.id offset 0) c
left join lateral (select into_id from joins j where j.contact_id = one.id offset 0) j on true
left join lateral (select contact_id from joins j where j.into_id = one.id offset 0) i on true
left join lateral (select id from contacts c where c.survivor_id = one.id offset 0) s on true

-- name: lock_cluster
-- Locks contacts in the order of their numbers. What they are has to be read by later statements.
select id from contacts where id = any($1::bigint[]) order by id for no key update

-- name: members
-- Contacts as they are stored.
select id, account_id, external_id, id_hash, shard % (select shards from installation) as shard, survivor_id, has_absorbed,
    deleted_before
from contacts
where id = any($1::bigint[])
order by id

-- name: joins
-- The joins of these contacts.
select contact_id, into_id, origin, occurred_at, event_key from joins where contact_id = any($1::bigint[])

-- name: deletions
-- The deletions of these contacts, and which are not carried out yet.
select contact_id, occurred_at, carried_out_at is null as is_new from deletions where contact_id = any($1::bigint[])

-- name: remove_entries
-- Removes the entries of a contact ($2) that came by an id ($3) and are dated before $4.
with removed as (
    delete from timeline t
    where t.account_id = $1 and t.contact_id = $2 and t.occurred_at < $4 and coalesce(t.came_by, t.contact_id) = $3
    returning definition_id, verdict, xp_worth, credit_number
)
select definition_id, count(*) as entries, count(*) filter (where verdict = 'counted') as counted,
    coalesce(sum(xp_worth) filter (where credit_number % 2 = 1), 0)::bigint as xp
from removed group by definition_id

-- name: came_by
-- Whether anything came by an id ($3) of a contact ($2): entries, carried counts ($5), fields, adjustments.
select exists (select from timeline t where t.account_id = $1 and t.contact_id = $2 and coalesce(t.came_by, t.contact_id) = $3)
    or exists (select from joined_fields where contact_id = $3)
    or ($2 = $3 and not $4::bool and exists (select from contact_fields where contact_id = $2))
    or exists (select from dedup_keys where contact_id = $2 and edition = 0 and object_key = $5)
    or exists (select from adjustments where contact_id = $2 and coalesce(came_by, contact_id) = $3)

-- name: move_entries
-- Moves the entries that came by an id ($3) from a contact ($2) to another ($4); of an entry that is there already, none.
with there as (
    delete from timeline t
    where t.account_id = $1 and t.contact_id = $2 and coalesce(t.came_by, t.contact_id) = $3
        and exists (
            select from timeline o
            where o.account_id = $1 and o.contact_id = $4 and o.occurred_at = t.occurred_at and o.event_key = t.event_key
                and o.definition_id = t.definition_id
            offset 0)
    returning definition_id
),
moved as (
    update timeline t set contact_id = $4, came_by = nullif($3, $4)
    where t.account_id = $1 and t.contact_id = $2 and coalesce(t.came_by, t.contact_id) = $3
        and not exists (
            select from timeline o
            where o.account_id = $1 and o.contact_id = $4 and o.occurred_at = t.occurred_at and o.event_key = t.event_key
                and o.definition_id = t.definition_id
            offset 0)
    returning definition_id
)
select definition_id from there union select definition_id from moved

-- name: remove_adjustments
-- Removes the adjustments of a contact ($1) that came by an id ($2) and were made before $3.
delete from adjustments where contact_id = $1 and coalesce(came_by, contact_id) = $2 and created_at < $3

-- name: move_adjustments
-- Moves the adjustments that came by an id ($2) from a contact ($1) to another ($3).
update adjustments set contact_id = $3, came_by = nullif($2, $3)
where contact_id = $1 and coalesce(came_by, contact_id) = $2

-- name: keep_fields
-- Keeps the fields of contacts that take part in joins from now on.
insert into joined_fields (contact_id, field, value, occurred_at, event_key)
select contact_id, field, value, occurred_at, event_key from contact_fields where contact_id = any($1::bigint[])

-- name: remove_fields
-- Removes the fields of an id that are dated before $2; returns how many.
with joined as (
    delete from joined_fields where contact_id = $1 and occurred_at < $2 returning field
),
own as (
    delete from contact_fields where contact_id = $1 and occurred_at < $2 and $3::bool returning field
)
select count(distinct field) from (select field from joined union all select field from own) f

-- name: clear_fields
-- Removes what these contacts show of fields, before it is put together anew from joined_fields.
delete from contact_fields where contact_id = any($1::bigint[])

-- name: show_fields
-- Of the fields of the ids ($2) of contacts ($3) the latest hold.
insert into contact_fields (account_id, contact_id, field, value, occurred_at, event_key)
select distinct on (m.contact_id, f.field) $1, m.contact_id, f.field, f.value, f.occurred_at, f.event_key
from rows from (unnest($2::bigint[]), unnest($3::bigint[])) as m(number, contact_id)
join joined_fields f on f.contact_id = m.number
order by m.contact_id, f.field, f.occurred_at desc, f.event_key desc

-- name: forget_joined_fields
-- Of ids that take part in no join any longer contact_fields is enough.
delete from joined_fields where contact_id = any($1::bigint[])

-- name: definitions
-- Definitions with all their editions.
select d.id, d.key, e.number, e.policy::text as policy, e.interval_seconds, e.per::text as per
from definitions d join editions e on e.definition_id = d.id
where d.id = any($1::int[])
order by d.id, e.number

-- name: entries
-- The entries of a contact ($2) under some definitions ($3) that are not excluded, in event order.
select t.definition_id, t.occurred_at, t.event_key, t.edition, t.verdict = 'counted' as is_counted, t.settled,
    coalesce(t.object_id, '') as object_id, t.verdict::text as verdict, t.xp_worth, t.credit_number
from timeline t
where t.account_id = $1 and t.contact_id = $2 and t.definition_id = any($3::int[]) and t.verdict <> 'excluded'
order by t.occurred_at, t.event_key

-- name: delete_keys
-- Deletes the dedup keys of a contact: of some definitions but for carried counts, or all ($2 null).
delete from dedup_keys where contact_id = $1 and ($2::int[] is null or definition_id = any($2) and edition > 0)

-- name: remove_carried
-- Removes the carried counts of an id ($2) of a contact ($1) if everything in them was dated before $3.
delete from dedup_keys
where contact_id = $1 and edition = 0 and object_key = $2 and last_fixed_at < $3
returning definition_id, count

-- name: move_carried
-- Moves the carried counts of an id ($2) from a contact ($1) to another ($3), where it is $4.
update dedup_keys set contact_id = $3, object_key = $4
where contact_id = $1 and edition = 0 and object_key = $2
returning definition_id

-- name: tallies
-- How often each definition has counted for a contact.
select definition_id, sum(count)::bigint as count from dedup_keys where contact_id = $1 group by definition_id

-- name: adjusted
-- The points of adjustments of a contact, by profile, version and group, under versions that are published or being built.
select a.profile_id, v.version, a.group_id, sum(a.points)::bigint as points
from adjustments a
join profile_versions v on v.profile_id = a.profile_id and v.state in ('published', 'building')
where a.contact_id = $1
group by 1, 2, 3

-- name: published
-- The published versions of an account's profiles.
select id as profile_id, published_version as version from profiles where account_id = $1 and published_version is not null

-- name: delete_scores
-- Deletes all scores of a contact, or those under some versions ($2, $3: profiles and versions); returns the last message
-- version by profile of all it had, unless its chain has ended with that one.
with had as materialized (
    select ctid as place, profile_id, version, overall, group_ids, group_points, message_version
    from contact_scores where contact_id = $1
),
doomed as materialized (
    select h.* from had h
    where $2::int[] is null or exists (
        select from rows from (unnest($2), unnest($3::int[])) as v(profile_id, version)
        where v.profile_id = h.profile_id and v.version = h.version)
),
deleted as (
    delete from contact_scores s using doomed d where s.ctid = d.place
),
unranked as (
    delete from ranks r
    using (
        select r.place
        from doomed d
        cross join lateral (
            select 0 as group_id, d.overall as points union all select * from unnest(d.group_ids, d.group_points)) g
        cross join lateral (
            select ctid as place from ranks r
            where r.profile_id = d.profile_id and r.version = d.version and r.group_id = g.group_id
                and r.points = g.points and r.contact_id = $1
            offset 0) r
    ) u
    where r.ctid = u.place
)
select h.profile_id, h.message_version
from (select profile_id, max(message_version) as message_version from had group by profile_id) h
left join ended_chains e on e.contact_id = $1 and e.profile_id = h.profile_id and e.message_version = h.message_version
where e.contact_id is null

-- name: end_chains
-- Keeps the last message versions ($3) of chains of a contact ($1), by profile ($2), that end in a tombstone.
insert into ended_chains (contact_id, profile_id, message_version)
select $1, profile_id, message_version
from rows from (unnest($2::int[]), unnest($3::bigint[])) as c(profile_id, message_version)
on conflict (contact_id, profile_id) do update set message_version = excluded.message_version

-- name: ended_chains
-- The last message versions of chains of these contacts that have ended, each with the profile's published version.
select c.contact_id, c.profile_id, p.published_version as version, c.message_version
from ended_chains c join profiles p on p.id = c.profile_id
where c.contact_id = any($1::bigint[]) and p.published_version is not null

-- name: account_of
-- The key of a contact's account.
select a.key from contacts c join accounts a on a.id = c.account_id where c.id = $1

-- name: account
-- Number and key of an account.
select id, key from accounts where id = $1

-- name: salt
-- The salt of the hashes of erased ids.
select salt from installation

-- name: profiles
-- The profiles of an account.
select id, key from profiles where account_id = $1 order by id

-- name: add_personless
-- Adds to what definitions ($2) have counted for contacts that were deleted.
insert into personless_tallies as p (account_id, definition_id, count)
select $1, definition_id, count from rows from (unnest($2::int[]), unnest($3::bigint[])) as t(definition_id, count)
order by definition_id
on conflict (account_id, definition_id) do update set count = p.count + excluded.count

-- name: write_contacts
-- Stores what joins and deletions have made of contacts; ids whose hash is given ($5) are erased.
update contacts c
set survivor_id = w.survivor_id, has_absorbed = w.has_absorbed, deleted_before = w.deleted_before,
    external_id = case when w.id_hash is null then c.external_id end, id_hash = coalesce(w.id_hash, c.id_hash)
from rows from (unnest($1::bigint[]), unnest($2::bigint[]), unnest($3::bool[]), unnest($4::timestamptz[]), unnest($5::bytea[]))
    as w(id, survivor_id, has_absorbed, deleted_before, id_hash)
where c.id = w.id

-- name: finish_work
-- Nothing is to be carried out for these contacts any more.
delete from identity_work where contact_id = any($1::bigint[])

-- name: latest_deletion
-- The latest deletion of these contacts that was carried out, and what it has taken away.
select contact_id, event_key, taken::text as taken
from deletions
where contact_id = any($1::bigint[]) and carried_out_at is not null
order by occurred_at desc, event_key desc
limit 1

-- name: note_taken
-- Notes what a deletion has taken away by now.
update deletions set taken = $3::jsonb where contact_id = $1 and event_key = $2

-- name: finish_deletions
-- Notes what the deletions of contacts ($1) have taken away ($2): with the latest of each.
with pending as (
    select contact_id, event_key,
        row_number() over (partition by contact_id order by occurred_at desc, event_key desc) = 1 as is_latest
    from deletions
    where contact_id = any($1::bigint[]) and carried_out_at is null
)
update deletions d
set carried_out_at = now(), taken = case when p.is_latest then t.taken::jsonb else '{}' end
from pending p
join rows from (unnest($1::bigint[]), unnest($2::text[])) as t(contact_id, taken) on t.contact_id = p.contact_id
where d.contact_id = p.contact_id and d.event_key = p.event_key

-- name: dead_letters_with
-- Dead letters of an account ($1, by key) after $2 in which these bytes ($3) may stand: as they are, in escapes of JSON, or
-- in headers, which are stored in base64. $3 null: all of the account's (dead_letters_by_account).
select id, account_key, key, value, headers, record_timestamp
from dead_letters
where account_key = $1 and id > $2
    and ($3::bytea is null or value is null
        or position($3 in value) > 0 or position($3 in coalesce(key, '')) > 0 or position('\x5c'::bytea in value) > 0
        or position('ce_'::bytea in lower(encode(headers, 'escape'))::bytea) > 0)
order by id
limit $4

-- name: dead_letters_of_nobody_with
-- The same of those whose account cannot be read, where its key ($1) stands in them.
select id, account_key, key, value, headers, record_timestamp
from dead_letters
where account_key is null and id > $2 and position(convert_to($1, 'UTF8') in value) > 0
    and (position($3::bytea in value) > 0 or position($3 in coalesce(key, '')) > 0 or position('\x5c'::bytea in value) > 0)
order by id
limit $4

-- name: forget_dead_letters
-- Deletes dead letters.
delete from dead_letters where id = any($1::bigint[])

-- name: samples
-- The samples of an account's inbox: 1,001 at most (inbox_pkey).
select type, sample from inbox where account_id = $1 and sample <> '{}'

-- name: forget_samples
-- Takes the samples ($3) of these types ($2) of an account's inbox away.
update inbox i set sample = '{}'
from rows from (unnest($2::text[]), unnest($3::text[])) as s(type, sample)
where i.account_id = $1 and i.type = s.type and i.sample = s.sample

-- name: forget_ignored_events
-- Deletes the events of a contact ($2) of an account ($1) that reached no timeline and are dated before $3.
delete from ignored_events where account_id = $1 and id_hash = $2 and dated_at < $3

-- name: forget_in_audit
-- Puts a name for an erased contact ($3) in the place of its id ($2) in the audit trail, and takes reasons away.
update audit set
    key = case when key = $2 then $3 else key end,
    before = case when before ->> 'into' = $2 then before || jsonb_build_object('into', $3::text) else before end,
    after = case when after ->> 'into' = $2 then after || jsonb_build_object('into', $3::text) else after end
        - case when key = $2 then array['reason', 'client_key'] else '{}'::text[] end
where account_id = $1 and subject = 'contact' and at < $4
    and (key = $2 or before ->> 'into' = $2 or after ->> 'into' = $2)

-- name: find_contact
-- The number of an id of an account ($1), and of the contact that it means.
select c.id, coalesce(c.survivor_id, c.id) as survivor_id, c.created_at
from contacts c where c.account_id = $1 and c.external_id = $2

-- name: lock_named
-- Locks the row of an id ($2) of an account ($1).
select id from contacts where account_id = $1 and external_id = $2 for no key update

-- name: create_named
-- Creates an id that is not known, for its deletion; no row if it is known by now.
insert into contacts (account_id, external_id, shard) values ($1, $2, 0) on conflict do nothing returning id

-- name: lock_erased
-- Locks the row of an erased id by its hash ($2).
select id from contacts where account_id = $1 and id_hash = $2 for no key update

-- name: uncreate
-- Removes a row that was created in this transaction.
delete from contacts where id = $1

-- name: joins_of
-- The joins of an id ($1), newest first.
select j.event_key, c.external_id as into_id, j.origin, j.occurred_at, j.requested_by,
    not exists (select from identity_work w where w.contact_id = j.contact_id) as is_carried_out
from joins j join contacts c on c.id = j.into_id
where j.contact_id = $1 and ($2::bytea is null or j.event_key = $2)
order by j.occurred_at desc, j.event_key desc

-- name: is_being_joined
-- Whether the API has joined a contact to another, and that is still to be carried out.
select exists (
    select from joins j
    where j.contact_id = $1 and j.into_id = $2 and j.origin = 'api'
        and exists (select from identity_work w where w.contact_id = j.contact_id))

-- name: undo_join
-- Takes a join of the API back, and asks for that to be carried out; returns its origin, or no row where there is none.
with undone as (
    delete from joins where contact_id = $1 and event_key = $2 and origin = 'api' returning contact_id
),
asked as (
    insert into identity_work (contact_id, account_id)
    select c.id, c.account_id from undone join contacts c on c.id = undone.contact_id
    on conflict do nothing
)
select origin from joins where contact_id = $1 and event_key = $2

-- name: name
-- The id of a contact.
select external_id from contacts where id = $1

-- name: points
-- A contact's shown points under the published versions of an account's profiles, overall ('') and by group.
select p.key as profile, coalesce(g.key, '') as group_key, shown_points(s.points, f.floor, f.cap) as points
from profiles p
join scores s on s.contact_id = $2 and s.profile_id = p.id and s.version = p.published_version
left join version_groups f on f.profile_id = p.id and f.version = p.published_version and f.group_id = s.group_id
left join groups g on g.id = s.group_id
where p.account_id = $1
order by p.position, p.id, g.position nulls first

-- name: deletion_status
-- A deletion of an account by its key (deletions_by_key).
select d.occurred_at, d.carried_out_at, d.taken::text as taken, c.external_id, c.id_hash, i.salt
from (select contact_id, occurred_at, carried_out_at, taken from deletions where event_key = $2 offset 0) d
cross join lateral (
    select account_id, external_id, id_hash from contacts c where c.id = d.contact_id offset 0) c
cross join installation i
where c.account_id = $1

-- name: postpone
-- Leaves a contact whose joins and deletions cannot be carried out for a minute.
update identity_work set since = now() + interval '1 minute' where contact_id = $1
