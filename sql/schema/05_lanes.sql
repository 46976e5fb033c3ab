-- Reading from Kafka: positions, who reads what, and records without a timeline entry (dead letters, unknown events).

-- The position of each lane. A batch advances it by compare-and-set on (epoch, next_offset).
create table lanes (
    topic          text    not null,
    partition      integer not null,
    -- Raised when a pipeline takes the lane: fences its earlier owners.
    epoch          bigint  not null default 0,
    next_offset    bigint  not null,
    -- Of the last record processed: shows that a topic was recreated.
    last_timestamp bigint,
    last_checksum  bigint,
    stopped        text    constraint lanes_stopped_known
                           check (stopped in ('dead_letters', 'log_truncated', 'topic_recreated', 'paused')),
    -- Records processed since the count of dead ones began, and the dead among the last 200 of them as
    -- [[number, account or null], …].
    seen           bigint  not null default 0,
    recent_dead    jsonb   not null default '[]',
    primary key (topic, partition)
);

-- One row for each worker process, kept alive by its heartbeat.
create table workers (
    id         bigint      primary key generated always as identity,
    -- For display: where it runs.
    name       text        not null,
    -- The numbers of its pipelines that can read from Kafka; others get no slices.
    pipelines  smallint[]  not null,
    -- Server process of its heartbeat connection: ends with the worker, long before the lease expires.
    backend    integer     not null,
    expires_at timestamptz not null
);

-- Which pipeline holds which slice (all lanes of one partition number). Free: no worker, or a dead one.
create table slices (
    number        integer     primary key,
    -- Raised with each claim: claims, and taking lanes, are compare-and-set on it.
    epoch         bigint      not null default 0,
    worker_id     bigint,
    pipeline      smallint,
    -- The worker that released the slice because it could not read it, and until when others go first.
    given_up_by   bigint,
    shunned_until timestamptz
);

create table dead_letters (
    id               bigint      primary key generated always as identity,
    topic            text        not null,
    partition        integer     not null,
    "offset"         bigint      not null,
    record_timestamp bigint,
    key              bytea,
    value            bytea,
    -- JSON, [[name, value in base64 or null], …]: as bytes, since a name may hold what text and jsonb refuse.
    headers          bytea       not null,
    reason           text        not null,
    detail           text        not null,
    -- The accountid, if it could be read and is well-formed.
    account_key      text,
    recorded_at      timestamptz not null default now()
);
-- deadletters: those of one account.
create index dead_letters_by_account on dead_letters (account_key, id);

-- The inbox: unmatched events of an account by type (approximate after a crash).
create table inbox (
    account_id    integer     not null references accounts,
    -- '': all types after the first 1,000.
    type          text        not null,
    count         bigint      not null,
    first_seen_at timestamptz not null,
    last_seen_at  timestamptz not null,
    sample        text        not null,
    primary key (account_id, type)
);

-- Events that reached no timeline, for some days and without their data: for each id the newest 20, of an account some
-- thousand. Unlogged, since it may be lost: a crash empties it, and no WAL has it.
create unlogged table ignored_events (
    account_id     integer     not null,
    -- SHA-256 of the installation's salt, account and id of the contact, as in contacts: it need not be one.
    id_hash        bytea       not null,
    id             bigint      generated always as identity,
    -- unmatched, disabled, expired, dead.
    outcome        text        not null,
    -- Null: it is dead.
    type           text,
    source         text,
    event_id       text,
    -- When it occurred; of a dead one, its record's timestamp.
    dated_at       timestamptz not null,
    received_at    timestamptz not null,
    -- Of a dead one; it may have been replayed or discarded since.
    reason         text,
    detail         text,
    dead_letter_id bigint,
    primary key (account_id, id_hash, id)
);
