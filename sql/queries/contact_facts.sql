-- What is known about one contact ($2, by number) of an account ($1): its ids, XP of reps, how much is kept.

-- name: ids
-- The ids that have been joined to it (contacts_by_survivor), numbers below $3, the newest first, each with the join that was
-- last made (joins_pkey), where that leads (contacts_pkey), and whether something about it is still to be carried out
-- (identity_work_pkey).
select c.id as number, c.external_id as id, j.event_key, j.into_id, j.origin, j.occurred_at, j.requested_by,
    not exists (select from identity_work w where w.contact_id = c.id) as is_carried_out
-- A fence: they are few, and the planner might look through all contacts of the account in the order of their numbers.
from (select id, account_id, external_id from contacts where survivor_id = $2 offset 0) c
left join lateral (
    select j.event_key, j.origin, j.occurred_at, j.requested_by,
        (select external_id from contacts i where i.id = j.into_id) as into_id
    from joins j
    where j.contact_id = c.id
    order by j.occurred_at desc, j.event_key desc
    limit 1) j on true
where c.account_id = $1 and c.external_id is not null and c.id < $3
order by c.id desc
limit $4;

-- name: xp
-- The XP that actors have earned by its events, most first, $3 actors at most (timeline_pkey).
select actor_id as actor, sum(xp_worth)::bigint as xp, count(*) as events, max(occurred_at) as last_at
from timeline
where account_id = $1 and contact_id = $2 and credit_number % 2 = 1 and actor_id is not null
group by actor_id
order by xp desc, actor_id
limit $3;

-- name: kept
-- How much is kept of it: rows by kind, as a deletion counts them (timeline_pkey, dedup_keys_pkey, contact_fields_pkey,
-- adjustments_client_key_by_id, contacts_by_survivor, ignored_events_pkey, webhook_deliveries_by_contact).
select t.entries as timeline, t.xp as xp_that_stays,
    (select coalesce(sum(count), 0)::bigint from dedup_keys k where k.contact_id = $2 and k.edition = 0) as carried_counts,
    (select count(*) from contact_fields f where f.contact_id = $2) as fields,
    (select count(*) from adjustments a where a.contact_id = $2) as adjustments,
    (select count(*) from contacts c where c.account_id = $1 and c.survivor_id = $2) as joined_ids,
    e.ignored_events, e.webhook_deliveries
from (
    select count(*) as entries, coalesce(sum(xp_worth) filter (where credit_number % 2 = 1), 0)::bigint as xp
    from timeline where account_id = $1 and contact_id = $2) t
cross join (
    select coalesce(sum(i.count), 0)::bigint as ignored_events, coalesce(sum(d.count), 0)::bigint as webhook_deliveries
    from (
        select external_id from contacts where id = $2
        union all
        select external_id from contacts where survivor_id = $2
        offset 0) c
    cross join installation n
    cross join lateral (
        select count(*) from ignored_events e
        where e.account_id = $1
            and e.id_hash = sha256(n.salt || convert_to($1::int || E'\x1f' || c.external_id, 'UTF8'))) i
    cross join lateral (
        select count(*) from webhook_deliveries d
        where d.contact = c.external_id and d.webhook_id in (select w.id from webhooks w where w.account_id = $1)) d) e;
