-- From version 3: background jobs go through the contacts of their account alone, count them as they go, and remember steps
-- that failed.
-- oldest program: 3

-- step: index
create index concurrently contacts_by_account on contacts (account_id, id);

-- step: brief
alter table publishes
    add column counted_contact_id bigint not null default 0,
    add column contacts_counted bigint not null default 0,
    add column failures integer not null default 0,
    add column retry_at timestamptz,
    add column error text;

-- step: brief
alter table rejudgements
    add column counted_contact_id bigint not null default 0,
    add column contacts_counted bigint not null default 0,
    add column failures integer not null default 0,
    add column retry_at timestamptz,
    add column error text;
