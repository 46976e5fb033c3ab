-- Sessions of the console (docs/decisions/0046). A session is a row: who ends it, ends it at once.

create table console_sessions (
    -- SHA-256 of the cookie. It is random and long: nothing slower is needed.
    hash        bytea       primary key,
    -- As the token said that it was begun with.
    actor       text        not null,
    account     text        not null,
    permissions text[]      not null,
    -- The `jti` of that token, if it had one: it begins no second session.
    token_id    text        constraint console_token_begins_one_session unique,
    created_at  timestamptz not null default now(),
    expires_at  timestamptz not null
);
-- console_sessions end_of_actor: those of one person.
create index console_sessions_by_actor on console_sessions (account, actor);
-- maintenance forget_console_sessions: those that have expired.
create index console_sessions_by_expiry on console_sessions (expires_at);
