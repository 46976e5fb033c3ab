-- Contacts, what events say about them, and the links between them.

create table contacts (
    id             bigint      primary key generated always as identity,
    -- No foreign key: accounts are never deleted, and each check would lock the account's row.
    account_id     integer     not null,
    -- Null: erased; a deletion has left nothing of it (semantics §8).
    external_id    text,
    -- Of its first event, the slice: modulo installation.shards it is the outbox shard of all its messages.
    shard          smallint    not null,
    created_at     timestamptz not null default now(),
    -- The contact that it has been joined to, at the end of all links. What came by its id is stored there.
    survivor_id    bigint,
    -- Others have been joined to it.
    has_absorbed   boolean     not null default false,
    -- What is dated before it, and came by its id, is deleted.
    deleted_before timestamptz,
    -- SHA-256 of the installation's salt, account and id of an erased contact, by which it is known again.
    id_hash        bytea,
    constraint contacts_external_id_unique unique (account_id, external_id),
    constraint contacts_named_or_erased check (external_id is null or id_hash is null)
);
-- contact_keyset: an account's contacts in the order of their numbers, for jobs and previews.
create index contacts_by_account on contacts (account_id, id);
-- batch erased_contacts: an erased id comes again.
create unique index contacts_by_hash on contacts (account_id, id_hash) where id_hash is not null;
-- identity cluster: the contacts joined to one.
create index contacts_by_survivor on contacts (survivor_id) where survivor_id is not null;

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

-- Of ids that take part in joins: what contact_fields would have of each by itself.
create table joined_fields (
    contact_id  bigint      not null references contacts,
    field       text        not null,
    value       text        not null,
    occurred_at timestamptz not null,
    event_key   bytea       not null,
    primary key (contact_id, field)
);

-- Joins, as received: contact.merged, identify, and those of the API until they are undone.
create table joins (
    contact_id   bigint      not null references contacts,
    into_id      bigint      not null references contacts,
    origin       text        not null constraint joins_origin_known check (origin in ('merged', 'identify', 'api')),
    occurred_at  timestamptz not null,
    event_key    bytea       not null,
    requested_by text,
    primary key (contact_id, event_key)
);
-- identity cluster: joins to a contact.
create index joins_by_survivor on joins (into_id);

-- Deletions, as received: contact.deleted, and those of the API and of operators.
create table deletions (
    contact_id   bigint      not null references contacts,
    occurred_at  timestamptz not null,
    event_key    bytea       not null,
    requested_by text,
    -- Numbers of what it has taken away, by kind; null until it is carried out.
    taken        jsonb,
    carried_out_at timestamptz,
    primary key (contact_id, event_key)
);

-- identity deletion_status: a deletion by its key.
create index deletions_by_key on deletions (event_key);

-- Contacts about which joins or deletions have come that are not carried out yet.
create table identity_work (
    contact_id bigint      primary key references contacts,
    account_id integer     not null,
    since      timestamptz not null default now()
);
-- identity_work due: the oldest first.
create index identity_work_by_age on identity_work (since);

-- The last message version of score-changed chains that have ended in a tombstone, and may go on.
create table ended_chains (
    contact_id      bigint  not null,
    profile_id      integer not null,
    message_version bigint  not null,
    primary key (contact_id, profile_id)
);
