-- The installation, and the configuration of accounts: catalog, profiles and their versions, segments; also the progress
-- of publishes, rejudgements and purges. Comments on indexes name the query that uses them.

-- One row: the state of the whole installation.
create table installation (
    only_row       boolean  primary key default true constraint installation_has_one_row check (only_row),
    -- The oldest program that may run; the version of the schema is in `migrations` (docs/decisions/0027).
    schema_version integer  not null,
    -- Part of every message's id; raised when Postgres turns out to have lost commits (semantics §7.4).
    incarnation    integer  not null default 1,
    -- Number of outbox shards; changed by `engagement shards`. A contact's shard is contacts.shard modulo this number.
    shards         smallint not null default 1 constraint installation_shards_positive check (shards > 0),
    -- Of the configuration, raised by each change; a batch compares it with the revision of the snapshot it was matched by.
    revision       bigint   not null default 1,
    -- Of the hashes by which erased ids are known again.
    salt           bytea    not null default uuid_send(gen_random_uuid()) || uuid_send(gen_random_uuid())
);

insert into installation (schema_version) values (6);

create table accounts (
    id                integer     primary key generated always as identity,
    key               text        not null constraint accounts_key_unique unique,
    name              text        not null,
    engagement        boolean     not null default true,
    sales             boolean     not null default false,
    retention_seconds bigint,
    time_zone         text        not null default 'UTC',
    count_robots      boolean     not null default false,
    -- Events dated before it are expired; only a purge moves it.
    horizon           timestamptz,
    created_at        timestamptz not null default now(),
    -- The revision of the installation at the last change of this account's configuration.
    revision          bigint      not null default 1
);
-- catalog load_snapshot: the accounts that have changed since a revision.
create index accounts_by_revision on accounts (revision);

-- The audit trail: changes through the API or by a document. Rows are never changed or deleted.
create table audit (
    account_id integer     not null references accounts,
    id         bigint      generated always as identity,
    at         timestamptz not null default now(),
    actor      text        not null,
    -- In the past tense: created, changed, deleted, …
    action     text        not null,
    subject    text        not null,
    -- Key of the subject; null: the account itself.
    key        text,
    before     jsonb,
    after      jsonb,
    -- The trail of an account, newest first. An index of ids alone might tempt the planner to read all accounts' entries.
    primary key (account_id, id)
);
-- audit: what happened to definitions, say, or to one of them, newest first.
create index audit_by_subject on audit (account_id, subject, id);

create table groups (
    id         integer primary key generated always as identity,
    account_id integer not null references accounts,
    key        text    not null,
    name       text    not null,
    icon       text    not null,
    position   integer not null,
    -- No longer in the catalog, but named by versions, scores or adjustments. Creating the group again clears it.
    deleted    boolean not null default false,
    constraint groups_key_unique unique (account_id, key)
);

create table definitions (
    id               integer      primary key generated always as identity,
    account_id       integer      not null references accounts,
    key              text         not null,
    name             text         not null,
    group_id         integer      not null references groups,
    icon             text         not null,
    default_points   integer      not null,
    active           boolean      not null,
    events           text[]       not null,
    -- The list under `when`, as JSON.
    conditions       jsonb        not null default '[]',
    policy           dedup_policy not null,
    interval_seconds bigint,
    per              dedup_per    not null,
    -- Number of the current edition; its dedup policy is repeated here for batches.
    edition          smallint     not null default 1,
    xp               integer      not null default 0,
    position         integer      not null,
    -- Set by the first batch in which it counts; from then on its weights in published versions are frozen.
    counted          boolean      not null default false,
    created_at       timestamptz  not null default now(),
    constraint definitions_key_unique unique (account_id, key),
    constraint definitions_interval_with_cooldown check ((policy = 'cooldown') = (interval_seconds is not null))
);

create table editions (
    definition_id    integer      not null references definitions,
    number           smallint     not null,
    policy           dedup_policy not null,
    interval_seconds bigint,
    per              dedup_per    not null,
    opened_at        timestamptz  not null default now(),
    primary key (definition_id, number)
);

create table profiles (
    id                integer     primary key generated always as identity,
    account_id        integer     not null references accounts,
    key               text        not null,
    name              text        not null,
    description       text        not null default '',
    is_primary        boolean     not null default false,
    inherits          boolean     not null default true,
    -- Null: never published.
    published_version integer,
    position          integer     not null,
    created_at        timestamptz not null default now(),
    -- It has no published version until it is published again; the scores under its last one stay as they were, since the
    -- messages of then are what readers have.
    archived          boolean     not null default false,
    -- Of the draft: `overall` and `groups` in the form of documents (consumer/catalog/model/frames.py).
    frames            jsonb       not null default '{}',
    constraint profiles_key_unique unique (account_id, key)
);
-- One primary profile per account.
create unique index profiles_primary_unique on profiles (account_id) where is_primary;

-- The draft: a profile's own weights, by key, since they may name definitions that do not exist yet.
create table profile_weights (
    profile_id     integer not null references profiles,
    definition_key text    not null,
    weight         integer not null,
    primary key (profile_id, definition_key)
);

create table profile_versions (
    profile_id   integer       not null references profiles,
    version      integer       not null,
    state        version_state not null,
    inherits     boolean       not null,
    -- The profile's own weights when it was published, by definition key; may name definitions that do not exist yet.
    own_weights  jsonb         not null default '{}',
    -- Who published it, and when; while it is being built, when that began.
    published_by text          not null,
    published_at timestamptz   not null default now(),
    primary key (profile_id, version)
);

-- The weights of a version: frozen, except of definitions that joined later and have not counted yet.
create table version_weights (
    profile_id    integer not null,
    version       integer not null,
    definition_id integer not null references definitions,
    group_id      integer not null references groups,
    weight        integer not null,
    -- The definition was created after the version was published: follows the catalog until it first counts.
    joined        boolean not null default false,
    primary key (profile_id, version, definition_id),
    foreign key (profile_id, version) references profile_versions
);
-- apply: the weights of the definitions that counted in a batch.
create index version_weights_by_definition on version_weights (definition_id);

-- The frames of a version, frozen (docs/decisions/0045): a row for each group, or overall (group 0), that is not plain.
create table version_groups (
    profile_id integer not null,
    version    integer not null,
    group_id   integer not null,
    floor      bigint,
    cap        bigint,
    -- Of a group: no part of overall.
    apart      boolean not null,
    -- In rising order, and the least shown points of each: of the first the least number there is. Null: no bands.
    band_keys  text[],
    band_least bigint[],
    primary key (profile_id, version, group_id),
    foreign key (profile_id, version) references profile_versions
);

-- The points of a sum within its bounds; null: not bounded.
create function shown_points(points bigint, floor bigint, cap bigint)
returns bigint language sql immutable parallel safe
return greatest(least(points, cap), floor);

-- The band of shown points; null where there are no bands.
create function band_of(shown bigint, keys text[], leasts bigint[])
returns text language sql immutable parallel safe
return keys[width_bucket(shown, leasts)];

-- Publishes of a version over history, and their progress, which survives a crash (docs/decisions/0011).
-- building: contacts get scores under the version, next to those under the old one. announcing: the version is published,
-- score messages are enqueued and the old scores deleted. cancelling: the scores built so far are deleted.
create table publishes (
    id               bigint        primary key generated always as identity,
    profile_id       integer       not null,
    version          integer       not null,
    -- The published version until the flip; null: none.
    previous_version integer,
    state            publish_state not null default 'building',
    requested_by     text          not null,
    requested_at     timestamptz   not null default now(),
    flipped_at       timestamptz,
    ended_at         timestamptz,
    -- The walk, as each kind of background job has it (docs/decisions/0025). In the current state: contacts are processed in
    -- the order of their numbers; done up to the first, to be done up to the second. Contacts created later need no step.
    last_contact_id  bigint        not null default 0,
    until_contact_id bigint        not null,
    -- For display: contacts processed in this state, of how many; null: not counted yet.
    contacts_done    bigint        not null default 0,
    contacts_total   bigint,
    -- Contacts built before the flip, for estimates.
    contacts_built   bigint,
    -- Contacts are counted up to this number, some with each step, and are so many.
    counted_contact_id bigint      not null default 0,
    contacts_counted bigint        not null default 0,
    -- Steps that have failed in a row, when the next is due, and the last error; none: 0, null and null.
    failures         integer       not null default 0,
    retry_at         timestamptz,
    error            text,
    foreign key (profile_id, version) references profile_versions
);
-- One publish of a profile at a time. publish: those that have not ended.
create unique index publishes_one_at_a_time on publishes (profile_id) where ended_at is null;
-- live jobs, webhooks: those that ended a moment ago.
create index publishes_by_end on publishes (ended_at) where ended_at is not null;
-- profiles: publishes of a profile, newest first.
create index publishes_by_profile on publishes (profile_id, id desc);

-- Rejudgements of a definition's history, and their progress, which survives a crash (docs/decisions/0012).
-- superseded: a newer edition was opened meanwhile.
create table rejudgements (
    id               bigint            primary key generated always as identity,
    definition_id    integer           not null references definitions,
    -- The edition to judge by: the newest when it began.
    edition          smallint          not null,
    -- Whether reps gain and lose XP by it; otherwise their XP stays as it is.
    with_xp          boolean           not null,
    state            rejudgement_state not null default 'running',
    requested_by     text              not null,
    requested_at     timestamptz       not null default now(),
    ended_at         timestamptz,
    -- The walk: as in publishes.
    last_contact_id  bigint            not null default 0,
    until_contact_id bigint            not null,
    contacts_done    bigint            not null default 0,
    contacts_total   bigint,
    entries_changed  bigint            not null default 0,
    counted_contact_id bigint          not null default 0,
    contacts_counted bigint            not null default 0,
    failures         integer           not null default 0,
    retry_at         timestamptz,
    error            text
);
-- One rejudgement of a definition at a time. rejudgement: those that have not ended.
create unique index rejudgements_one_at_a_time on rejudgements (definition_id) where ended_at is null;
-- live jobs, webhooks: those that ended a moment ago.
create index rejudgements_by_end on rejudgements (ended_at) where ended_at is not null;
-- rejudgement: those of a definition. verify: whether XP may differ from what counts.
create index rejudgements_by_definition on rejudgements (definition_id, id);

-- Purges of what is dated before an account's horizon, and their progress, which survives a crash (docs/semantics.md, 8.29 to
-- 8.43). cancelled: the account keeps its entries for longer by now.
create table purges (
    id               bigint      primary key generated always as identity,
    account_id       integer     not null references accounts,
    horizon          timestamptz not null,
    state            purge_state not null default 'running',
    began_at         timestamptz not null default now(),
    ended_at         timestamptz,
    -- Entries that have lost their payload; most have gone.
    entries_purged   bigint      not null default 0,
    -- The walk: as in publishes.
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
-- One purge of an account at a time. retention: those that have not ended.
create unique index purges_one_at_a_time on purges (account_id) where ended_at is null;
-- live jobs, webhooks: those that ended a moment ago.
create index purges_by_end on purges (ended_at) where ended_at is not null;
-- retention: purges of an account, newest first.
create index purges_by_account on purges (account_id, id);

-- Backfills that were requested over HTTP, and their progress, which survives a crash (docs/decisions/0030).
create table backfills (
    id             bigint         primary key generated always as identity,
    account_id     integer        not null references accounts,
    state          backfill_state not null default 'running',
    with_xp        boolean        not null,
    requested_by   text           not null,
    requested_at   timestamptz    not null default now(),
    ended_at       timestamptz,
    -- Of one that reads the input topics again: from when, and which types; null: all.
    since          timestamptz,
    types          text[],
    -- Since when the topics have all records, as far as it is known.
    reaches_back   timestamptz,
    -- What is left to be read: [topic, partition, next offset, offset after the last] by lane; null: not known yet.
    lanes          jsonb,
    records_read   bigint         not null default 0,
    records_total  bigint,
    events_done    bigint         not null default 0,
    events_total   bigint         not null default 0,
    failures       integer        not null default 0,
    retry_at       timestamptz,
    error          text
);
-- live jobs, webhooks: those that ended a moment ago.
create index backfills_by_end on backfills (ended_at) where ended_at is not null;
-- backfill: those that have not ended.
create index backfills_unfinished on backfills (account_id, id) where ended_at is null;
-- backfill: those of an account, newest first.
create index backfills_by_account on backfills (account_id, id);

-- The events of a backfill that are left to be applied, as MessagePack, in batches as they are to be committed.
create table backfill_batches (
    backfill_id bigint  not null references backfills,
    number      integer not null,
    events      bytea   not null,
    primary key (backfill_id, number)
);

-- How many events of a backfill had an outcome; type: of unmatched ones, else empty.
create table backfill_outcomes (
    backfill_id bigint not null references backfills,
    outcome     text   not null,
    type        text   not null,
    count       bigint not null,
    primary key (backfill_id, outcome, type)
);

-- Segments: saved conditions on contacts. Members are not stored.
create table segments (
    id          integer     primary key generated always as identity,
    account_id  integer     not null references accounts,
    key         text        not null,
    name        text        not null,
    description text        not null default '',
    -- The profile whose scores are meant; null: the primary one at the time of reading.
    profile_key text,
    -- As sent (consumer/scoring/segments/definition.py); names definitions and groups by key.
    conditions  jsonb       not null,
    position    integer     not null,
    created_at  timestamptz not null default now(),
    -- The last member count and its time, and the time of the last claim to count; all null after a change.
    contacts    bigint,
    counted_at  timestamptz,
    claimed_at  timestamptz,
    constraint segments_key_unique unique (account_id, key)
);
