-- Contacts, what events say about them, and the links between them.

create table contacts (
    id          bigint      primary key generated always as identity,
    -- No foreign key: accounts are never deleted, and each check would lock the account's row.
    account_id  integer     not null,
    external_id text        not null,
    -- Of its first event, the slice: modulo installation.shards it is the outbox shard of all its messages.
    shard       smallint    not null,
    created_at  timestamptz not null default now(),
    constraint contacts_external_id_unique unique (account_id, external_id)
);
-- contact_keyset: an account's contacts in the order of their numbers, for jobs and previews.
create index contacts_by_account on contacts (account_id, id);

-- Fields from contact.upserted; of each field the latest value by (occurred_at, event_key).
create table contact_fields (
    account_id  integer     not null,
    contact_id  bigint      not null references contacts,
    field       text        not null,
    value       text        not null,
    occurred_at timestamptz not null,
    event_key   bytea       not null,
    primary key (contact_id, field)
);
-- contacts: lists of an owner's contacts ("my leads"). A prefix, since an owner's name may be too long for an index.
create index contact_fields_by_owner on contact_fields (account_id, left(value, 256), contact_id)
    where field = 'owner';

-- contact.merged, as received.
create table contact_merges (
    account_id       integer     not null references accounts,
    external_id      text        not null,
    event_key        bytea       not null,
    occurred_at      timestamptz not null,
    into_external_id text,
    primary key (account_id, external_id, event_key)
);

-- contact.deleted, as received.
create table contact_deletions (
    account_id  integer     not null references accounts,
    external_id text        not null,
    event_key   bytea       not null,
    occurred_at timestamptz not null,
    primary key (account_id, external_id, event_key)
);

-- Current links between contacts: from absorbed to survivor.
create table contact_links (
    absorbed_id bigint      primary key references contacts,
    survivor_id bigint      not null references contacts,
    origin      text        not null constraint contact_links_origin_known
                            check (origin in ('identify', 'merged', 'api')),
    occurred_at timestamptz not null,
    event_key   bytea       not null,
    constraint contact_links_to_another check (absorbed_id <> survivor_id)
);
