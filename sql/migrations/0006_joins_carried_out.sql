-- From version 5: joins and deletions of contacts are carried out, those that were recorded before too.
-- oldest program: 6
-- programs of this version run before it too

-- step: validate
-- What was recorded before, now by number: ids of which nothing else is known become contacts.
insert into contacts (account_id, external_id, shard)
select account_id, external_id, 0 from contact_deletions
union
select account_id, external_id, 0 from contact_merges where into_external_id <> external_id
union
select account_id, into_external_id, 0 from contact_merges where into_external_id <> external_id
on conflict do nothing;
insert into joins (contact_id, into_id, origin, occurred_at, event_key)
select c.id, i.id, 'merged', m.occurred_at, m.event_key
from contact_merges m
join contacts c on c.account_id = m.account_id and c.external_id = m.external_id
join contacts i on i.account_id = m.account_id and i.external_id = m.into_external_id
where c.id <> i.id
on conflict do nothing;
insert into deletions (contact_id, occurred_at, event_key)
select c.id, d.occurred_at, d.event_key
from contact_deletions d
join contacts c on c.account_id = d.account_id and c.external_id = d.external_id
on conflict do nothing;
update contacts c set deleted_before = d.deleted_before
from (select contact_id, max(occurred_at) as deleted_before from deletions group by contact_id) d
where c.id = d.contact_id;
insert into identity_work (contact_id, account_id)
select c.id, c.account_id
from contacts c
where c.id in (select contact_id from joins union select contact_id from deletions)
on conflict do nothing;

-- step: brief
drop table contact_links;

-- step: brief
drop table contact_merges;

-- step: brief
drop table contact_deletions;

-- step: brief
alter table adjustments drop constraint adjustments_client_key_unique;
