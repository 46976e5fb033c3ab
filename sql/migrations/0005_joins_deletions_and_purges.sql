-- From version 4: what joins and deletions of contacts, purges and backfills need. Joins and deletions are recorded from now
-- on, and carried out after the next migration, as purges are: an id may then lead to another contact, or be erased, which
-- programs before do not know.
-- oldest program: 3

-- step: brief
alter type message_kind add value 'tombstone';

-- step: brief
alter table installation
    add column salt bytea not null default uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid());

-- step: brief
alter table timeline add column came_by bigint;

-- step: brief
alter table adjustments add column came_by bigint;

-- step: index
create unique index concurrently adjustments_client_key_by_id on adjustments
    (contact_id, client_key, coalesce(came_by, contact_id));

-- step: brief
alter table contacts
    alter column external_id drop not null,
    add column survivor_id bigint,
    add column has_absorbed boolean not null default false,
    add column deleted_before timestamptz,
    add column id_hash bytea,
    add constraint contacts_named_or_erased check (external_id is null or id_hash is null) not valid;

-- step: validate
alter table contacts validate constraint contacts_named_or_erased;

-- step: index
create unique index concurrently contacts_by_hash on contacts (account_id, id_hash) where id_hash is not null;

-- step: index
create index concurrently contacts_by_survivor on contacts (survivor_id) where survivor_id is not null;

-- step: brief
create table joined_fields (
    contact_id  bigint      not null references contacts,
    field       text        not null,
    value       text        not null,
    occurred_at timestamptz not null,
    event_key   bytea       not null,
    primary key (contact_id, field)
);
create table joins (
    contact_id   bigint      not null references contacts,
    into_id      bigint      not null references contacts,
    origin       text        not null constraint joins_origin_known check (origin in ('merged', 'identify', 'api')),
    occurred_at  timestamptz not null,
    event_key    bytea       not null,
    requested_by text,
    primary key (contact_id, event_key)
);
create index joins_by_survivor on joins (into_id);
create table deletions (
    contact_id     bigint      not null references contacts,
    occurred_at    timestamptz not null,
    event_key      bytea       not null,
    requested_by   text,
    taken          jsonb,
    carried_out_at timestamptz,
    primary key (contact_id, event_key)
);
create index deletions_by_key on deletions (event_key);
create table identity_work (
    contact_id bigint      primary key references contacts,
    account_id integer     not null,
    since      timestamptz not null default now()
);
create index identity_work_by_age on identity_work (since);
create table ended_chains (
    contact_id      bigint  not null,
    profile_id      integer not null,
    message_version bigint  not null,
    primary key (contact_id, profile_id)
);
create table personless_tallies (
    account_id    integer not null,
    definition_id integer not null,
    count         bigint  not null,
    primary key (account_id, definition_id)
);

-- step: brief
alter table timeline add column purged_at timestamptz;

-- step: brief
create type purge_state as enum ('running', 'done', 'cancelled');
create table purges (
    id               bigint      primary key generated always as identity,
    account_id       integer     not null references accounts,
    horizon          timestamptz not null,
    state            purge_state not null default 'running',
    began_at         timestamptz not null default now(),
    ended_at         timestamptz,
    entries_purged   bigint      not null default 0,
    last_contact_id  bigint      not null default 0,
    until_contact_id bigint      not null,
    contacts_done    bigint      not null default 0,
    contacts_total   bigint,
    counted_contact_id bigint    not null default 0,
    contacts_counted bigint      not null default 0,
    failures         integer     not null default 0,
    retry_at         timestamptz,
    error            text
);
create unique index purges_one_at_a_time on purges (account_id) where ended_at is null;
create index purges_by_account on purges (account_id, id);

-- step: brief
create type backfill_state as enum ('running', 'done', 'cancelled');
create table backfills (
    id             bigint         primary key generated always as identity,
    account_id     integer        not null references accounts,
    state          backfill_state not null default 'running',
    with_xp        boolean        not null,
    requested_by   text           not null,
    requested_at   timestamptz    not null default now(),
    ended_at       timestamptz,
    since          timestamptz,
    types          text[],
    reaches_back   timestamptz,
    lanes          jsonb,
    records_read   bigint         not null default 0,
    records_total  bigint,
    events_done    bigint         not null default 0,
    events_total   bigint         not null default 0,
    failures       integer        not null default 0,
    retry_at       timestamptz,
    error          text
);
create index backfills_unfinished on backfills (account_id, id) where ended_at is null;
create index backfills_by_account on backfills (account_id, id);
create table backfill_batches (
    backfill_id bigint  not null references backfills,
    number      integer not null,
    events      bytea   not null,
    primary key (backfill_id, number)
);
create table backfill_outcomes (
    backfill_id bigint not null references backfills,
    outcome     text   not null,
    type        text   not null,
    count       bigint not null,
    primary key (backfill_id, outcome, type)
);
