-- From version 9: sessions of the console. It only adds.
-- oldest program: 6

-- step: brief
create table console_sessions (
    hash        bytea       primary key,
    actor       text        not null,
    account     text        not null,
    permissions text[]      not null,
    token_id    text        constraint console_token_begins_one_session unique,
    created_at  timestamptz not null default now(),
    expires_at  timestamptz not null
);
create index console_sessions_by_actor on console_sessions (account, actor);
create index console_sessions_by_expiry on console_sessions (expires_at);
