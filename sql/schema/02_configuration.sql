-- The installation, and what an account configures: catalog, profiles and their versions, segments; with the progress of
-- publishes and rejudgements.

-- One row: what is true of this installation as a whole.
create table installation (
    only_row       boolean  primary key default true constraint installation_has_one_row check (only_row),
    schema_version integer  not null,
    -- Part of every message's id; raised when Postgres turns out to have lost commits (semantics §7.4).
    incarnation    integer  not null default 1,
    -- Of the outbox; fixed when the database is created.
    shards         smallint not null default 4 constraint installation_shards_positive check (shards > 0),
    -- Of accounts, catalogs and profiles; a batch compares it with the snapshot it was matched by.
    revision       bigint   not null default 1
);

insert into installation (schema_version) values (1);

create table accounts (
    id                integer     primary key generated always as identity,
    key               text        not null constraint accounts_key_unique unique,
    name              text        not null,
    engagement        boolean     not null default true,
    sales             boolean     not null default false,
    retention_seconds bigint,
    time_zone         text        not null default 'UTC',
    count_robots      boolean     not null default false,
    -- Events dated before it are expired; only the purge of retention moves it.
    horizon           timestamptz,
    created_at        timestamptz not null default now()
);

-- Who changed what, through the API or by a document; never changed, and never removed.
create table audit (
    account_id integer     not null references accounts,
    id         bigint      generated always as identity,
    at         timestamptz not null default now(),
    actor      text        not null,
    -- In the past tense: created, changed, deleted, …
    action     text        not null,
    subject    text        not null,
    -- Which of its kind; null: the account itself.
    key        text,
    before     jsonb,
    after      jsonb,
    -- Serves the trail of an account, newest first; no index of ids alone may tempt a plan to read everybody's.
    primary key (account_id, id)
);

create table groups (
    id         integer primary key generated always as identity,
    account_id integer not null references accounts,
    key        text    not null,
    name       text    not null,
    icon       text    not null,
    position   integer not null,
    -- No longer in the catalog; kept for the versions, scores and adjustments that name it. Created anew, it is back.
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
    -- The current edition's number; its dedup policy is repeated here, where every batch reads it.
    edition          smallint     not null default 1,
    xp               integer      not null default 0,
    position         integer      not null,
    -- Set by the first batch in which it counts; from then on published versions do not follow the catalog.
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
    -- What readers see; null: a draft never published.
    published_version integer,
    position          integer     not null,
    created_at        timestamptz not null default now(),
    constraint profiles_key_unique unique (account_id, key)
);
-- One primary profile per account.
create unique index profiles_primary_unique on profiles (account_id) where is_primary;

-- The draft: a profile's own weights, by key, since they may name definitions still to come.
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
    -- The profile's own weights as published, by definition key, those of definitions still to come included.
    own_weights  jsonb         not null default '{}',
    -- Who published it, and since when readers see it; of one that is not published yet, since when it is built.
    published_by text          not null,
    published_at timestamptz   not null default now(),
    primary key (profile_id, version)
);

-- What a definition counts for under a version: frozen, but for definitions that joined it and never counted.
create table version_weights (
    profile_id    integer not null,
    version       integer not null,
    definition_id integer not null references definitions,
    group_id      integer not null references groups,
    weight        integer not null,
    -- Created after the version was published: follows the catalog until the definition first counts.
    joined        boolean not null default false,
    primary key (profile_id, version, definition_id),
    foreign key (profile_id, version) references profile_versions
);
-- apply: the weights of the definitions that counted in a batch.
create index version_weights_by_definition on version_weights (definition_id);

-- How far publishing a version over history has come, which a crash leaves where it was (docs/decisions/0011).
-- building: contacts get their scores under it, beside the old ones. announcing: readers see it, contacts are told of
-- it and lose their old scores. cancelling: what was built goes.
create table publishes (
    id               bigint        primary key generated always as identity,
    profile_id       integer       not null,
    version          integer       not null,
    -- What readers see until the flip; null: nothing.
    previous_version integer,
    state            publish_state not null default 'building',
    requested_by     text          not null,
    requested_at     timestamptz   not null default now(),
    flipped_at       timestamptz,
    ended_at         timestamptz,
    -- Of the step it is in: contacts are gone through by number, up to this one and no further than that one. Who
    -- came later needs no visit.
    last_contact_id  bigint        not null default 0,
    until_contact_id bigint        not null,
    -- For people: how many were gone through, of how many when the step began; null: not counted yet.
    contacts_done    bigint        not null default 0,
    contacts_total   bigint,
    -- How many there were when it was built, for estimates.
    contacts_built   bigint,
    foreign key (profile_id, version) references profile_versions
);
-- Only one publish of a profile at a time; and those to be gone on with.
create unique index publishes_one_at_a_time on publishes (profile_id) where ended_at is null;
-- Those of a profile, newest first.
create index publishes_by_profile on publishes (profile_id, id desc);

-- How far judging a definition's history again has come, which a crash leaves where it was (docs/decisions/0012).
-- superseded: another edition was opened meanwhile.
create table rejudgements (
    id               bigint            primary key generated always as identity,
    definition_id    integer           not null references definitions,
    -- Under which it is judged: the newest when it began.
    edition          smallint          not null,
    -- Whether reps gain and lose XP by it; otherwise what they were told stands.
    with_xp          boolean           not null,
    state            rejudgement_state not null default 'running',
    requested_by     text              not null,
    requested_at     timestamptz       not null default now(),
    ended_at         timestamptz,
    -- Contacts are gone through by number, up to this one and no further than that one.
    last_contact_id  bigint            not null default 0,
    until_contact_id bigint            not null,
    -- For people; null: not counted yet.
    contacts_done    bigint            not null default 0,
    contacts_total   bigint,
    entries_changed  bigint            not null default 0
);
-- Only one of a definition at a time; and those to be gone on with.
create unique index rejudgements_one_at_a_time on rejudgements (definition_id) where ended_at is null;
-- The list of a definition's; verify: whether XP may differ from what counts.
create index rejudgements_by_definition on rejudgements (definition_id, id);

-- Saved conditions on contacts; nothing is kept of who fulfils them.
create table segments (
    id          integer     primary key generated always as identity,
    account_id  integer     not null references accounts,
    key         text        not null,
    name        text        not null,
    description text        not null default '',
    -- Whose scores are meant; null: the primary one's, whichever that is.
    profile_key text,
    -- As sent (consumer/scoring/segments/definition.py); names definitions and groups by key.
    conditions  jsonb       not null,
    position    integer     not null,
    created_at  timestamptz not null default now(),
    -- How many there were when they were counted last, and who counts them: since when; both null after a change.
    contacts    bigint,
    counted_at  timestamptz,
    claimed_at  timestamptz,
    constraint segments_key_unique unique (account_id, key)
);
