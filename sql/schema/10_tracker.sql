-- Tokens of the public tracker, and their keys (docs/decisions/0041).

create table tracker_tokens (
    -- Part of the `source` of its events, for ever: a token is revoked, never deleted.
    id                    uuid        primary key default gen_random_uuid(),
    account_id            integer     not null references accounts,
    name                  text        not null,
    -- What calls may do; see consumer/web/tracker/write_key.py.
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
    -- Of all tokens and their keys (tracker_revision), at the last change of this one.
    revision              bigint      not null,
    -- Events, and when the last call came: written every few seconds, without a new revision.
    accepted              bigint      not null default 0,
    refused               bigint      not null default 0,
    last_used_at          timestamptz
) with (fillfactor = 70);
-- tracker_tokens page: those of an account.
create index tracker_tokens_by_account on tracker_tokens (account_id, created_at, id);
-- tracker_tokens changed: those that have changed since a revision.
create index tracker_tokens_by_revision on tracker_tokens (revision);

create table tracker_keys (
    -- SHA-256. A key is random and long: nothing slower is needed.
    hash           bytea       primary key,
    token_id       uuid        not null references tracker_tokens on delete cascade,
    -- The last characters of the key, by which people know it again.
    ending         text        not null,
    -- Signs the links that have this key in them; it ends with the key.
    signing_secret text        not null,
    created_at     timestamptz not null default now(),
    -- Of one that was replaced, or whose token was revoked.
    expires_at     timestamptz
);
-- tracker_tokens page, changed: those of a token.
create index tracker_keys_by_token on tracker_keys (token_id, created_at);

-- One row: raised by each change of a token or its keys, and locked until the change is committed. So changes become visible
-- in the order of their revisions, and nothing is missed by who asks for those after the last one seen.
create table tracker_revision (
    only_row boolean primary key default true constraint tracker_revision_has_one_row check (only_row),
    revision bigint  not null default 0
);

insert into tracker_revision (revision) values (0);
