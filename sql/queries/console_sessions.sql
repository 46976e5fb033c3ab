-- Sessions of the console (docs/decisions/0046).

-- name: begin
-- Begins a session; returns nothing where the token ($5) has begun one before (console_token_begins_one_session).
insert into console_sessions (hash, actor, account, permissions, token_id, expires_at)
values ($1, $2, $3, $4, $5, $6)
on conflict (token_id) do nothing
returning true

-- name: find
-- The session of a cookie that has not expired (console_sessions_pkey).
select actor, account, permissions, expires_at from console_sessions where hash = $1 and expires_at > now()

-- name: end
-- Ends one session (console_sessions_pkey).
delete from console_sessions where hash = $1

-- name: end_of_actor
-- Ends all sessions of a person, who has one name under each account or all of them ($1) (console_sessions_by_actor).
delete from console_sessions where account = $1 and actor = $2
