-- Events that reached no timeline: stored beside the batches, and read to say why nothing happened.

-- name: store
-- Stores events ($1 to $10) but for those that a deletion has taken away meanwhile.
with given as (
    select t.account_id, t.contact, t.outcome, t.type, t.source, t.event_id, t.dated_at, t.received_at, t.reason, t.detail,
        t.dead_letter_id, t.place,
        sha256(i.salt || convert_to(t.account_id || E'\x1f' || t.contact, 'UTF8')) as id_hash
    from rows from (unnest($1::int[]), unnest($2::text[]), unnest($3::text[]), unnest($4::text[]), unnest($5::text[]),
                    unnest($6::text[]), unnest($7::timestamptz[]), unnest($8::timestamptz[]), unnest($9::text[]),
                    unnest($10::text[]), unnest($11::bigint[]))
        with ordinality
        as t(account_id, contact, outcome, type, source, event_id, dated_at, received_at, reason, detail, dead_letter_id,
             place)
    cross join installation i
)
insert into ignored_events (account_id, id_hash, outcome, type, source, event_id, dated_at, received_at, reason, detail,
                            dead_letter_id)
select g.account_id, g.id_hash, g.outcome, g.type, g.source, g.event_id, g.dated_at, g.received_at, g.reason, g.detail,
    g.dead_letter_id
from given g
left join lateral (
    select max(deleted_before) as deleted_before from (
        select deleted_before from contacts c where c.account_id = g.account_id and c.external_id = g.contact
        union all
        select deleted_before from contacts c where c.account_id = g.account_id and c.id_hash = g.id_hash) c
    offset 0) gone on true
where gone.deleted_before is null or gone.deleted_before <= g.dated_at
order by g.place

-- name: trim_contacts
-- Deletes the events of these contacts ($1, $2) but for the newest $3 of each.
delete from ignored_events e
using (
    select old.account_id, old.id_hash, old.id
    from rows from (unnest($1::int[]), unnest($2::text[])) as t(account_id, contact)
    cross join installation i
    cross join lateral (
        select account_id, id_hash, id from ignored_events o
        where o.account_id = t.account_id
            and o.id_hash = sha256(i.salt || convert_to(t.account_id || E'\x1f' || t.contact, 'UTF8'))
        order by id desc
        offset $3) old
) old
where e.account_id = old.account_id and e.id_hash = old.id_hash and e.id = old.id

-- name: trim_account
-- Deletes the events of an account but for the newest $2. It goes through all of them: an index in their order would cost
-- every event.
delete from ignored_events
where account_id = $1
    and id <= (select id from ignored_events where account_id = $1 order by id desc offset $2 limit 1)

-- name: of_contact
-- The newest events of an id ($2) of an account ($1), of the contact that it means, and of all ids joined to that
-- (contacts_external_id_unique, contacts_pkey, contacts_by_survivor, ignored_events_pkey), $3 at most, each with its id and
-- whether its dead letter is still there (dead_letters_pkey).
with named as materialized (
    select coalesce(survivor_id, id) as id from contacts where account_id = $1 and external_id = $2
), ids as (
    select $2::text as external_id
    union
    select c.external_id from named n
    cross join lateral (select external_id from contacts c where c.id = n.id offset 0) c
    union
    select c.external_id from named n
    cross join lateral (select external_id from contacts c where c.survivor_id = n.id offset 0) c
)
select ids.external_id as contact, e.outcome, e.type, e.source, e.event_id, e.dated_at, e.received_at, e.reason, e.detail,
    d.id as dead_letter
from ids
cross join installation i
cross join lateral (
    select id, outcome, type, source, event_id, dated_at, received_at, reason, detail, dead_letter_id
    from ignored_events e
    where e.account_id = $1
        and e.id_hash = sha256(i.salt || convert_to($1::int || E'\x1f' || ids.external_id, 'UTF8'))
    order by id desc
    limit $3) e
left join lateral (select id from dead_letters d where d.id = e.dead_letter_id offset 0) d on true
order by e.id desc
limit $3

-- name: about
-- What an account ($1, accounts_pkey) and an id ($2, contacts_external_id_unique) say about events that are ignored: the
-- contact that the id means (contacts_pkey), before which instant its events are gone, and before which all are expired.
select known.external_id as id, named.deleted_before, a.horizon
from accounts a
left join lateral (
    select coalesce(survivor_id, id) as id, deleted_before from contacts c
    where c.account_id = a.id and c.external_id = $2
    offset 0) named on true
left join lateral (select external_id from contacts c where c.id = named.id offset 0) known on true
where a.id = $1

-- name: naming
-- The active definitions of an account ($1, definitions_key_unique) that name one of these types ($2), in display order.
select key, events from definitions where account_id = $1 and active and events && $2::text[] order by position, id
