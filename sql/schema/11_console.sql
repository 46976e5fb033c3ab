-- Sessions of the console (docs/decisions/0046). A session is a row: who ends it, ends it at once.

create table console_sessions (
    -- SHA-256 of the cookie. It is random and long: nothing slower is needed. Of a session that was ended: of no cookie.
    hash        bytea       primary key,
    -- As the token said that it was begun with.
    actor       text        not null,
    account     text        not null,
    permissions text[]      not null,
    -- The `jti` of that token, if it had one: it begins no second session.
    token_id    text        constraint console_token_begins_one_session unique,
    -- It ends eight hours later.
    created_at  timestamptz not null default now(),
    -- Of the row: when the token has expired too, so that it begins no second session after the first one.
    expires_at  timestamptz not null
);
-- console_sessions end_of_actor: those of one person.
create index console_sessions_by_actor on console_sessions (account, actor);
-- maintenance forget_console_sessions: those that have expired.
create index console_sessions_by_expiry on console_sessions (expires_at);
