-- Reading from Kafka: positions, who reads what, and records without a timeline entry (dead letters, unknown events).

-- Where each lane stands. A batch moves it by compare-and-set on (epoch, next_offset).
create table lanes (
    topic          text    not null,
    partition      integer not null,
    -- Raised by whoever takes the lane over: fences those who held it before.
    epoch          bigint  not null default 0,
    next_offset    bigint  not null,
    -- Of the last record processed: tells a topic that was recreated.
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

-- Who works: one row for each process that reads lanes, kept alive by its heartbeat.
create table workers (
    id         bigint      primary key generated always as identity,
    -- For people: where it runs.
    name       text        not null,
    -- The numbers of its pipelines that can read; those that cannot get no slices.
    pipelines  smallint[]  not null,
    -- Server process of its heartbeat: gone with the worker, long before the lease runs out.
    backend    integer     not null,
    expires_at timestamptz not null
);

-- Who holds which slice (all lanes of one partition number). Free: nobody, or somebody who is dead.
create table slices (
    number        integer     primary key,
    -- Raised with each claim: whoever claims or takes lanes by it says which one they saw.
    epoch         bigint      not null default 0,
    worker_id     bigint,
    pipeline      smallint,
    -- A worker that gave it up because it could not read it, and until when others go first.
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
    -- The well-formed accountid that could be read.
    account_key      text,
    recorded_at      timestamptz not null default now()
);
-- dead-letters list of one account.
create index dead_letters_by_account on dead_letters (account_key, id);

-- Unknown events by type: the account's inbox (approximate after a crash).
create table inbox (
    account_id    integer     not null references accounts,
    -- '' gathers what came after the first 1,000 types.
    type          text        not null,
    count         bigint      not null,
    first_seen_at timestamptz not null,
    last_seen_at  timestamptz not null,
    sample        text        not null,
    primary key (account_id, type)
);
