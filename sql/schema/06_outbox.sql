-- Publishing to Kafka: messages by shard, how far they are published, and which relay publishes what.

-- The last position given out, by shard. Updated last in a batch and held to its commit: position order is
-- commit order, without gaps.
create table outbox_heads (
    shard smallint primary key,
    head  bigint   not null default 0
);

-- One row for each batch and shard: the messages at positions first_position, first_position + 1, …
create table outbox (
    shard          smallint       not null,
    first_position bigint         not null,
    kinds          message_kind[] not null,
    -- What each message says, as consumer/relay/message_json.py takes it apart; of a dead letter the id in dead_letters.
    facts          text[]         not null,
    -- By account key what the view groups_told says.
    groups         text           not null,
    committed_at   timestamptz    not null,
    primary key (shard, first_position)
);
-- Stored as they are: they live for less than a second, and compressing them took a tenth of a batch's time.
alter table outbox alter column facts set storage external;

-- Up to where each shard is known to be published.
create table relay_floors (
    shard smallint primary key,
    floor bigint   not null default 0
);

-- Processes that publish, kept alive by their heartbeat; and which of them publishes which shard. Apart from the
-- floors, which move with every transaction.
create table relays (
    owner      text        primary key,
    -- Server process of its heartbeat: gone with the relay, long before the lease runs out.
    backend    integer     not null,
    expires_at timestamptz not null
);

create table shard_leases (
    shard smallint primary key,
    -- Free: nobody, or a relay that is dead.
    owner text
);

insert into outbox_heads (shard) select generate_series(0, shards - 1) from installation;
insert into relay_floors (shard) select generate_series(0, shards - 1) from installation;
insert into shard_leases (shard) select generate_series(0, shards - 1) from installation;
