-- Publishing to Kafka: messages by shard, how far they are published, and which relay publishes what.

-- The last position taken, by shard. A batch updates it last and holds the lock until its commit: position order is commit
-- order, without gaps.
create table outbox_heads (
    shard smallint primary key,
    head  bigint   not null default 0
);

-- One row for each batch and shard: the messages at positions first_position, first_position + 1, … The last ones stay for
-- a while after they are published (docs/decisions/0034).
create table outbox (
    shard          smallint       not null,
    first_position bigint         not null,
    kinds          message_kind[] not null,
    -- The contents of each message, as consumer/relay/message_json.py takes them apart; of a dead letter its id. A later
    -- format begins with its number (consumer/relay/fact_format.py).
    facts          text[]         not null,
    -- JSON: by account key the groups from the view groups_told.
    groups         text           not null,
    committed_at   timestamptz    not null,
    primary key (shard, first_position)
);
-- Uncompressed: facts live for less than a minute, and compressing them took a tenth of a batch's time.
alter table outbox alter column facts set storage external;

-- The position up to which each shard is known to be published.
create table relay_floors (
    shard smallint primary key,
    floor bigint   not null default 0
);

-- Relay processes, kept alive by their heartbeat, and which of them publishes which shard. Not in relay_floors, which
-- changes with every transaction.
create table relays (
    owner      text        primary key,
    -- Server process of its heartbeat connection: ends with the relay, long before the lease expires.
    backend    integer     not null,
    expires_at timestamptz not null
);

create table shard_leases (
    shard smallint primary key,
    -- Free: null, or a dead relay.
    owner text
);

insert into outbox_heads (shard) select generate_series(0, shards - 1) from installation;
insert into relay_floors (shard) select generate_series(0, shards - 1) from installation;
insert into shard_leases (shard) select generate_series(0, shards - 1) from installation;
