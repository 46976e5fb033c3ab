-- From version 7: tokens of the public tracker. It only adds.
-- oldest program: 6

-- step: brief
create table tracker_tokens (
    id                    uuid        primary key default gen_random_uuid(),
    account_id            integer     not null references accounts,
    name                  text        not null,
    origins               text[]      not null,
    event_names           text[]      not null,
    anonymous_only        boolean     not null,
    may_set_traits        boolean     not null,
    keeps_addresses       boolean     not null,
    query_parameters      text[]      not null,
    per_second            integer     not null,
    per_second_by_address integer     not null,
    per_day               integer     not null,
    created_at            timestamptz not null default now(),
    revoked_at            timestamptz,
    revision              bigint      not null,
    accepted              bigint      not null default 0,
    refused               bigint      not null default 0,
    last_used_at          timestamptz
) with (fillfactor = 70);
create index tracker_tokens_by_account on tracker_tokens (account_id, created_at, id);
create index tracker_tokens_by_revision on tracker_tokens (revision);
create table tracker_keys (
    hash           bytea       primary key,
    token_id       uuid        not null references tracker_tokens on delete cascade,
    ending         text        not null,
    signing_secret text        not null,
    created_at     timestamptz not null default now(),
    expires_at     timestamptz
);
create index tracker_keys_by_token on tracker_keys (token_id, created_at);
create table tracker_revision (
    only_row boolean primary key default true constraint tracker_revision_has_one_row check (only_row),
    revision bigint  not null default 0
);
insert into tracker_revision (revision) values (0);
